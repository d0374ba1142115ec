"""Tells the operator how many people can't prove more at a login that needs it (threat L23)."""

from dataclasses import dataclass
from typing import Final

import structlog

from gateway.flows.act import Acts
from gateway.flows.transaction import transaction
from gateway.stores.postgres.counts import Counts

_LOG: Final = structlog.stdlib.get_logger("gateway.people")


@dataclass(frozen=True, slots=True)
class BeyondMail:
    """People without a second factor whom no code by mail reaches: from risk.step_up_at on only an operator helps them.

    mails: mail is on, and risk.without_factor sends codes by it.
    """

    acts: Acts
    mails: bool

    async def warn(self) -> None:
        """The log hears how many there are. Raises RecordUnavailable."""
        async with transaction(self.acts.pool) as connection:
            found = await Counts(connection).beyond_mail(with_mail=self.mails)
        if found:
            _LOG.warning(
                "people have no second factor, and no code reaches them by mail: a doubtful login is refused to them",
                people=found,
                advice="bastion user code NAME, or mail.smtp and an address of each, or risk.without_factor: admit",
            )
