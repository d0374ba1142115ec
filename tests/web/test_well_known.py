"""What programs ask the auth host for is answered to whatever asks."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.web import assets, well_known
from gateway.web.forms import AuthHost
from gateway.web.html import Html, static_file, static_files
from gateway.web.middleware import page_middlewares

SITE = AuthHost("https://auth.example.com", b"k" * 32)
HOST = {"Host": "auth.example.com"}
NOW = 1_796_039_999
Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    """request.param: the contact."""
    own = static_file("own-logo.svg", b"<svg/>")
    files = {**static_files(), own.name: own}
    app = web.Application(middlewares=page_middlewares(SITE, Html(files), lambda size: b"r" * size))
    app.add_routes(assets.routes(files))
    app.add_routes(well_known.routes(SITE.origin, getattr(request, "param", ""), lambda: NOW))
    async with TestClient(TestServer(app)) as testing:
        yield testing


async def test_robots_are_sent_away(client: Client) -> None:
    answer = await client.get("/robots.txt", headers=HOST)

    assert (answer.status, answer.content_type) == (200, "text/plain")
    assert await answer.text() == "User-agent: *\nDisallow: /\n"


async def test_an_icon_is_there_for_who_reads_no_page(client: Client) -> None:
    answer = await client.get("/favicon.ico", headers={**HOST, "Sec-Fetch-Dest": "image", "Sec-Purpose": "prefetch"})
    content = await answer.read()

    assert (answer.status, answer.content_type) == (200, "image/vnd.microsoft.icon")
    assert content[:6] == b"\0\0\1\0\3\0", "an icon with three sizes"
    assert content.count(b"\x89PNG") == 3


async def test_without_a_contact_there_is_no_security_txt(client: Client) -> None:
    assert (await client.get("/.well-known/security.txt", headers=HOST)).status == 404


@pytest.mark.parametrize("client", ["mailto:help@example.com"], indirect=True)
async def test_security_txt_has_what_rfc_9116_demands(client: Client) -> None:
    answer = await client.get("/.well-known/security.txt", headers=HOST)
    text = await answer.text()
    fields = dict(line.split(": ", 1) for line in text.splitlines() if not line.startswith("#"))
    expires = datetime.fromisoformat(fields["Expires"])

    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert fields["Contact"] == "mailto:help@example.com"
    assert fields["Canonical"] == "https://auth.example.com/.well-known/security.txt"
    assert 170 < (expires - datetime.fromtimestamp(NOW, UTC)).days < 365, "less than a year is recommended"
    assert "48 hours" in text


@pytest.mark.parametrize("path", ["/robots.txt", "/favicon.ico", "/.well-known/security.txt"])
async def test_another_host_has_none_of_them(client: Client, path: str) -> None:
    assert (await client.get(path, headers={"Host": "app.example.com"})).status == 421


async def test_nothing_runs_in_a_logo_that_is_opened_by_itself(client: Client) -> None:
    answer = await client.get("/static/own-logo.svg", headers=HOST)
    policy = answer.headers["Content-Security-Policy"].split("; ")

    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert not [directive for directive in policy if directive.startswith("script-src")]
