"""The decision path on the web listener is for proxies, whatever a visitor of the auth host calls it."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from redis.asyncio import Redis

from gateway.web.forms import AuthHost
from gateway.web.forward_auth import handler
from gateway.web.html import Html, static_files
from gateway.web.middleware import page_middlewares
from tests.conftest import Pool
from tests.deciding import deciding

SITE = AuthHost("https://auth.example.org", b"k" * 32)
OF_THE_SITE = ("auth.example.org", "auth.example.org:443")  # clients may spell out the port of https


@pytest.fixture
async def server(pool: Pool, redis: Redis, redis_url: str) -> AsyncIterator[TestServer]:
    await redis.ping()
    async with deciding(pool, redis_url, int(time.time())) as here:
        middlewares = page_middlewares(SITE, Html(static_files()), lambda size: b"r" * size, "/verify")
        app = web.Application(middlewares=middlewares)
        app.add_routes(handler.routes("/verify", here.decisions, SITE))
        server = TestServer(app)
        async with server:
            yield server


async def ask(server: TestServer, host: str, target: str) -> tuple[int, bool]:
    """As a visitor who writes what only the proxy may write; the status, and whether a decision was made."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(
        (
            f"GET {target} HTTP/1.1\r\nHost: {host}\r\nX-Request-Id: 7f0c2a54-6f3e-4c0b-9a35-0d6c1c1e6f11\r\n"
            f"X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /open/x\r\nX-Forwarded-Host: {host}\r\n"
            "X-Forwarded-Proto: https\r\nX-Forwarded-For: 203.0.113.9\r\nConnection: close\r\n\r\n"
        ).encode()
    )
    received = await reader.read()
    writer.close()
    return int(received[9:12]), b"\r\nStrict-Transport-Security" not in received


@pytest.mark.parametrize(
    "host", ["auth.example.org", "auth.example.org:443", "auth.example.org:1", "AUTH.example.org:8443"]
)
@pytest.mark.parametrize("target", ["/verify", "/verify?x", "/verif%79"])
async def test_no_spelling_of_the_auth_host_gets_a_decision(server: TestServer, host: str, target: str) -> None:
    assert await ask(server, host, target) == (404 if host in OF_THE_SITE else 421, False)


async def test_a_proxy_of_another_host_gets_one(server: TestServer) -> None:
    assert await ask(server, "wiki.example.org", "/verify") == (200, True)
    assert await ask(server, "nobody.example.org", "/verify") == (421, True)
