"""A real HTTP server that takes what a webhook posts, as well or as badly as a test wants."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TypeAlias

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

Answer: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def well(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=204)


def with_status(status: int, **headers: str) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers=headers)

    return answer


@dataclass
class Receiver:
    """heard: path, headers and body of each request, whatever was answered. taken: bodies that were answered well."""

    answer: Answer = well
    port: int = 0
    heard: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/keep/s3cret-path"

    async def start(self) -> None:
        """On the port of before, if there was one."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._hear)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self.tls, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        self._runner = None

    async def has_taken(self, count: int) -> list[str]:
        await until(lambda: len(self.taken) >= count)
        return self.taken

    async def has_heard(self, count: int) -> None:
        await until(lambda: len(self.heard) >= count)

    async def _hear(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        self.heard.append((request.path, dict(request.headers), body))
        answer = await self.answer(request)
        if answer.status < 300:
            self.taken.append(body)
        return answer


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(3_000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not within half a minute")


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver(tls=tls)
    await receiver.start()
    yield receiver
    await receiver.stop()


def own_certificate(directory: Path) -> ssl.SSLContext:
    """For a server at 127.0.0.1; only who trusts own.pem in the directory trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, SHA256())
    )
    pem = directory / "own.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    return context
