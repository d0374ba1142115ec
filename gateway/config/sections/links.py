"""Owns the section `links`."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from gateway.config.setting import Section, setting
from gateway.config.values import Duration
from gateway.core.login.factor_reset import NOTICE_S, WAIT_S
from gateway.core.mail.links import ENDS, LinkKind
from gateway.core.units import DAY_S, HOUR_S


class LinksSection(Section):
    """How long a link in a mail works, unless it is used before."""

    reset_s: Annotated[Duration, Field(ge=300, le=DAY_S)] = setting(
        "30m", "The link for a new password.", "a duration from 5m to 24h"
    )
    undo_s: Annotated[Duration, Field(ge=HOUR_S, le=30 * DAY_S)] = setting(
        "7d", 'The link of a notice that takes something back, such as "This wasn\'t me".', "a duration from 1h to 30d"
    )
    invitation_s: Annotated[Duration, Field(ge=HOUR_S, le=30 * DAY_S)] = setting(
        "72h", "The link of an invitation.", "a duration from 1h to 30d"
    )
    email_s: Annotated[Duration, Field(ge=300, le=7 * DAY_S)] = setting(
        "24h", "The link that confirms a new e-mail address.", "a duration from 5m to 7d"
    )
    unlock_s: Annotated[Duration, Field(ge=300, le=7 * DAY_S)] = setting(
        "24h", "The link that lets one browser try again while sign-ins are locked.", "a duration from 5m to 7d"
    )
    release_s: Annotated[Duration, Field(ge=300, le=DAY_S)] = setting(
        "1h", 'The link "This was me" of a blocked sign-in.', "a duration from 5m to 24h"
    )

    @property
    def lifetimes_s(self) -> Mapping[LinkKind, int]:
        return {
            LinkKind.RESET: self.reset_s,
            LinkKind.INVITATION: self.invitation_s,
            LinkKind.DISOWN: self.undo_s,
            LinkKind.EMAIL_CONFIRM: self.email_s,
            LinkKind.EMAIL_UNDO: self.undo_s,
            LinkKind.UNLOCK: self.unlock_s,
            LinkKind.RELEASE: self.release_s,
            LinkKind.KEEP_FACTORS: NOTICE_S + WAIT_S,
            **dict.fromkeys(ENDS, self.undo_s),
        }
