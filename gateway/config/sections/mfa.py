"""Owns the section `mfa`."""

from typing import Annotated, Literal

from pydantic import Field, StrictStr

from gateway.config.setting import Section, setting
from gateway.config.values import Duration, GroupName
from gateway.core.units import DAY_S


class Mfa(Section):
    """Second factors and passkeys."""

    ask: Literal["always", "risk"] = setting(
        "always",
        "When a person with a second factor is asked for it. always: at each login. risk: from risk.step_up_at on, and "
        "where a policy requires it.",
        "always or risk",
    )
    required_for: tuple[GroupName, ...] = setting(
        (),
        "Groups whose people have to set up a second factor. They are reminded at each login. After `enrol_within` "
        "they can go nowhere but to the page for it.",
        "a list of groups",
        kind="list",
        example="[admins]",
    )
    enrol_within_s: Annotated[Duration, Field(alias="enrol_within", ge=0, le=365 * DAY_S)] = setting(
        "14d",
        "How long such a person has for it, from the first login on at which they are asked.",
        "a duration from 0s to 365d",
    )
    rp_id: Annotated[StrictStr, Field(pattern=r"^([a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*)?$")] = setting(
        "",
        "The RP ID that passkeys belong to: the auth host, or a domain above it. Empty means the auth host. If you "
        "change it, all passkeys stop working.",
        "the auth host or a domain above it",
        example="auth.example.com",
    )
