"""A real mail server that takes messages as well or as badly as a test wants, and a certificate of its own."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.receiver import until

USER, PASSWORD = "bastion", "m4il-s3cret"


@dataclass
class PostOffice:
    """recipient, data: what the server answers there; "" for yes. hang: it takes a message and never says so.

    letters: what was taken, in order. envelopes: who it was from and for.
    """

    recipient: str = ""
    data: str = ""
    hang: bool = False
    letters: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.recipient:
            return self.recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        if self.data:
            return self.data
        assert isinstance(envelope.content, bytes)
        letter = message_from_bytes(envelope.content, policy=default)
        assert isinstance(letter, EmailMessage)
        self.letters.append(letter)
        self.raw.append(envelope.content)
        self.envelopes.append((envelope.mail_from or "", list(envelope.rcpt_tos)))
        self.encrypted.append(session.ssl is not None)
        if self.hang:
            await asyncio.Event().wait()
        return "250 OK"

    async def has(self, count: int) -> list[EmailMessage]:
        await until(lambda: len(self.letters) >= count)
        return self.letters


@asynccontextmanager
async def post_office(
    tls: ssl.SSLContext | None = None, *, starttls: bool = True, with_login: bool = False
) -> AsyncIterator[PostOffice]:
    """On a port of this machine. tls None: it offers none. starttls False: it speaks TLS from the first byte."""
    office, loop = PostOffice(), asyncio.get_running_loop()

    def login(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any) -> AuthResult:
        right = isinstance(given, LoginPassword) and (given.login, given.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=right)

    def protocol() -> SMTP:
        return SMTP(
            office,
            hostname="mail.example.org",
            tls_context=tls if starttls else None,
            loop=loop,
            authenticator=login if with_login else None,
            auth_required=with_login,
            auth_require_tls=with_login and starttls,
        )

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=None if starttls else tls)
    office.port = server.sockets[0].getsockname()[1]
    yield office
    server.close()


def certificate(directory: Path) -> tuple[ssl.SSLContext, ssl.SSLContext, Path]:
    """For the server on 127.0.0.1; what trusts it; and the file with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    begins = datetime.now(UTC) - timedelta(hours=1)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, begins, begins + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, SHA256())
    )
    public, pem = directory / "mail.crt", directory / "mail.pem"
    public.write_bytes(made.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem.write_bytes(private + public.read_bytes())
    serves = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serves.load_cert_chain(pem)
    return serves, ssl.create_default_context(cafile=public), public
