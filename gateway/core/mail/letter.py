"""A mail as it waits in the outbox, and the message that it becomes: plain text and HTML that say the same."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from typing import Final

from gateway.core.mail.kinds import WORDING, MailKind
from gateway.core.mail.links import FIELD

MAIL_ID_BYTES: Final = 16
_STYLE: Final = "font-family:system-ui,sans-serif;font-size:16px;line-height:1.5;color:#1a1a1a;max-width:36em"


@dataclass(frozen=True, slots=True, repr=False)
class Mail:
    """id: of the Message-ID, the same at each try. at: Unix seconds, when it happened. facts: rows of name and value,
    for people. token: of its link. code: for people to type. "" for none. repr is left out: it is personal.
    """

    id: str
    to: str
    kind: MailKind
    at: int
    facts: tuple[tuple[str, str], ...] = ()
    token: str = ""
    code: str = ""

    def written(self) -> str:
        """For a sealed column; read() reads it, also that of a later version."""
        values = {"id": self.id, "to": self.to, "kind": self.kind.value, "at": self.at, "facts": self.facts}
        return json.dumps({**values, "token": self.token, "code": self.code})

    @classmethod
    def read(cls, text: str) -> "Mail":
        """Of what written() wrote."""
        values = json.loads(text)
        facts = tuple((str(name), str(value)) for name, value in values["facts"])
        kind = MailKind(values["kind"])
        return cls(values["id"], values["to"], kind, values["at"], facts, values["token"], values["code"])


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Whom mail comes from. address: the envelope's sender too. public_url: origin of the auth host."""

    name: str
    address: str
    public_url: str

    def message(self, mail: Mail) -> EmailMessage:
        """Auto-Submitted keeps vacation answers away (RFC 3834 section 5)."""
        wording = WORDING[mail.kind]
        message = EmailMessage(SMTP)
        message["From"] = Address(self.name, addr_spec=self.address)
        message["To"] = Address(addr_spec=mail.to)
        message["Subject"] = f"{self.name}: {wording.subject}"
        message["Date"] = format_datetime(_time(mail.at))
        message["Message-ID"] = f"<{mail.id}@{self.address.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        message.set_content(self._text(mail))
        message.add_alternative(self._html(mail), subtype="html")
        return message

    def _text(self, mail: Mail) -> str:
        wording = WORDING[mail.kind]
        facts = "".join(f"{name}: {value}\n" for name, value in _facts(mail))
        code = f"{mail.code}\n\n" if mail.code else ""
        link = f"{wording.button}:\n{self._address(mail)}\n\n" if wording.link is not None else ""
        return f"{wording.happened}\n\n{code}{facts}\n{wording.advice}\n\n{link}-- \n{self.name}, {self.public_url}\n"

    def _html(self, mail: Mail) -> str:
        """Nothing in it is loaded from elsewhere."""
        wording = WORDING[mail.kind]
        rows = "".join(f"<tr><td>{escape(name)}:</td><td>{escape(value)}</td></tr>" for name, value in _facts(mail))
        code = f'<p style="font-size:28px">{escape(mail.code)}</p>' if mail.code else ""
        link = (
            f'<p><a href="{escape(self._address(mail))}">{escape(wording.button)}</a></p>'
            if wording.link is not None
            else ""
        )
        return (
            f'<!doctype html><html lang="en"><body style="{_STYLE}">'
            f"<p>{escape(wording.happened)}</p>{code}<table>{rows}</table><p>{escape(wording.advice)}</p>{link}"
            f"<p>{escape(self.name)}, {escape(self.public_url)}</p></body></html>\n"
        )

    def _address(self, mail: Mail) -> str:
        """Of its link."""
        link = WORDING[mail.kind].link
        return "" if link is None else f"{self.public_url}{link.path}?{FIELD}={mail.token}"


def _facts(mail: Mail) -> tuple[tuple[str, str], ...]:
    return (("When", _time(mail.at).strftime("%Y-%m-%d %H:%M UTC")), *mail.facts)


def _time(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)
