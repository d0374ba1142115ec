"""What waits in the outbox for people, as the mail server will get it."""

from datetime import UTC, datetime
from email.message import EmailMessage

from gateway.core.mail.letter import Letterhead, Mail
from gateway.flows.act import Acts
from gateway.stores.postgres.outbox import Claimed

HEAD = Letterhead("Bastion", "auth@example.com", "https://auth.example.com")
NOW = datetime.now(UTC)


async def waiting_mail(acts: Acts, *kinds: str) -> list[Mail]:
    """The oldest first. kinds: only of these."""
    async with acts.begin() as act:
        rows = await acts.pool.fetch(
            "SELECT id, destination, sealed, user_id FROM outbox"
            " WHERE kind IN ('mail', 'notice') AND state = 'waiting' ORDER BY id"
        )
        found = [Mail.read(await act.mails.open(Claimed(**row, tries=1, lease_until=NOW))) for row in rows]
    return [mail for mail in found if not kinds or mail.kind.value in kinds]


def letter(mail: Mail) -> EmailMessage:
    return HEAD.message(mail)


def text_of(mail: Mail) -> str:
    """In plain text."""
    body = letter(mail).get_body(("plain",))
    assert body is not None
    return str(body.get_content())
