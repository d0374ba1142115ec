"""Hands mail to the mail server, and says how that went without saying to whom."""

import asyncio
import re
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Final, Literal

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from gateway.outbound.undelivered import Undeliverable, Undelivered

_FOR_GOOD: Final = range(500, 600)
_GOODBYE_S: Final = 2.0
_ENHANCED: Final = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?=\s|$)")  # RFC 3463


@dataclass(frozen=True, slots=True)
class MailServer:
    """security: "none" only for a server on this machine. user: "" where we don't log in. timeout_s: for all of it.

    name: of this installation, for EHLO. trust: None for the system's authorities.
    """

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    user: str
    password: str = field(repr=False)
    timeout_s: float
    name: str
    trust: ssl.SSLContext | None = field(default=None, repr=False)

    async def send(self, message: EmailMessage) -> None:
        """Returns when the server has taken it. A connection of its own, because mail is rare.

        Raises Undeliverable where the server refuses this recipient or this message for good, else Undelivered. A
        refusal of our password or our address is for the operator to mend, so the message is tried again.
        """
        server = self._server()
        try:
            async with asyncio.timeout(self.timeout_s):
                await server.connect()
                await server.send_message(message)
        except SMTPRecipientsRefused as error:
            raise _refused("the recipient", error.recipients[0]) from error
        except SMTPDataError as error:
            raise _refused("the message", error) from error
        except (SMTPException, OSError, ValueError) as error:
            raise Undelivered(self._reason(error)) from error
        else:
            await _say_goodbye(server)
        finally:
            server.close()

    def _server(self) -> SMTP:
        return SMTP(
            hostname=self.host,
            port=self.port,
            username=self.user or None,
            password=self.password or None,
            local_hostname=self.name,
            timeout=self.timeout_s,
            use_tls=self.security == "tls",
            start_tls=self.security == "starttls",
            tls_context=self.trust,
        )

    def _reason(self, error: Exception) -> str:
        """Not the library's own words: they may quote the server, and a server may quote the recipient."""
        where = f"{self.host}:{self.port}"
        if isinstance(error, SMTPAuthenticationError):
            return f"{where} refused mail.user and mail.password: {_answer(error)}"
        if isinstance(error, SMTPResponseException):
            return f"{where} answered {_answer(error)}"
        if isinstance(error, TimeoutError):
            return f"{where} did not answer within {self.timeout_s:g} s"
        cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
        if isinstance(cause, ssl.SSLError):
            return f"{where} speaks no TLS there, or shows no certificate that is trusted: {cause.reason}"
        if isinstance(cause, OSError):
            return f"{where} can't be reached: {cause.strerror or type(cause).__name__}"
        return f"{where} can't be used with mail.security {self.security}: {type(error).__name__}"


async def _say_goodbye(server: SMTP) -> None:
    """The message has been taken, whatever comes of this."""
    with suppress(SMTPException, OSError):
        async with asyncio.timeout(_GOODBYE_S):
            await server.quit()


def _refused(what: str, error: SMTPResponseException) -> Undelivered:
    kind = Undeliverable if error.code in _FOR_GOOD else Undelivered
    return kind(f"the mail server refused {what}: {_answer(error)}")


def _answer(error: SMTPResponseException) -> str:
    """Its codes alone, such as "550 5.1.1"."""
    enhanced = _ENHANCED.match(error.message)
    return f"{error.code} {enhanced[0]}" if enhanced else f"{error.code}"
