"""Brings mail from the outbox to the mail server, or to a directory."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, TypeAlias

from gateway.core.mail.letter import Letterhead, Mail
from gateway.core.outbox.kinds import MessageKind
from gateway.flows.act import Acts
from gateway.flows.operate.dead_letters import bury
from gateway.outbound.undelivered import Undelivered
from gateway.stores.files.letters import LetterDirectory
from gateway.stores.postgres.outbox import Claimed

HandOver: TypeAlias = Callable[[EmailMessage], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class MailPost:
    """For Delivery of one lane. hand_over: raises Undelivered."""

    acts: Acts
    lane: MessageKind
    letterhead: Letterhead
    hand_over: HandOver

    async def read(self, claimed: Claimed) -> str:
        """Raises RecordUnavailable."""
        async with self.acts.begin() as act:
            return await act.mails.open(claimed)

    async def send(self, text: str) -> None:
        """Raises Undelivered."""
        await self.hand_over(self.letterhead.message(Mail.read(text)))

    async def bury(self, claimed: Claimed, status: str) -> None:
        """Raises RecordUnavailable."""
        await bury(self.acts, self.lane, claimed, status)


def into_directory(letters: LetterDirectory) -> HandOver:
    """Instead of a mail server."""

    async def put(message: EmailMessage) -> None:
        try:
            await letters.put(str(message["Message-ID"]), message.as_bytes())
        except OSError as error:
            raise Undelivered(f"mail.directory can't be written: {error.strerror}") from error

    return put
