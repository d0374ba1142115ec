"""A form of ours is taken from our own page only: each of its proofs carries weight."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.core.login.attempt import csrf_token
from gateway.web.forms import AuthHost, client_address, own_form, user_agent
from gateway.web.html import Html, static_files
from gateway.web.middleware import page_middlewares

SITE = AuthHost("https://auth.example.com:8443", b"k" * 32)
COOKIE = "c" * 43
Client = TestClient[web.Request, web.Application]


@dataclass(frozen=True, slots=True)
class Sent:
    """What a browser sends with our own form."""

    fetch_site: str | None = "same-origin"
    origin: str | None = "https://auth.example.com:8443"
    cookie: str | None = COOKIE
    token: str | None = csrf_token(SITE.csrf_key, COOKIE)
    content_type: str = "application/x-www-form-urlencoded"
    more: dict[str, str] = field(default_factory=dict)

    def headers(self) -> dict[str, str]:
        cookie = None if self.cookie is None else f"__Host-bastion-csrf={self.cookie}"
        optional = {"Sec-Fetch-Site": self.fetch_site, "Origin": self.origin, "Cookie": cookie}
        kept = {name: value for name, value in optional.items() if value is not None}
        return {"Host": SITE.authority, "Content-Type": self.content_type, **kept, **self.more}

    def body(self) -> str:
        return "name=ada" if self.token is None else f"name=ada&csrf={self.token}"


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async def take(request: web.Request) -> web.Response:
        return web.Response(text=(await own_form(request, SITE))["name"])

    async def tell(request: web.Request) -> web.Response:
        return web.json_response([str(client_address(request)), user_agent(request)])

    app = web.Application(middlewares=page_middlewares(SITE, Html(static_files()), lambda size: b"r" * size))
    app.add_routes([web.post("/take", take), web.get("/tell", tell)])
    async with TestClient(TestServer(app)) as testing:
        yield testing


@pytest.mark.parametrize("fetch_site", ["same-origin", "none", None])
async def test_our_own_form_is_taken(client: Client, fetch_site: str) -> None:
    sent = Sent(fetch_site=fetch_site)

    answer = await client.post("/take", data=sent.body(), headers=sent.headers())

    assert (answer.status, await answer.text()) == (200, "ada")


LEGS: dict[str, Callable[[Sent], Sent]] = {
    "an empty Sec-Fetch-Site": lambda sent: replace(sent, fetch_site=""),
    "no Sec-Fetch-Site, and no Origin": lambda sent: replace(sent, fetch_site=None, origin=None),
    "no Sec-Fetch-Site, and null Origin": lambda sent: replace(sent, fetch_site=None, origin="null"),
    "no Sec-Fetch-Site, and another Origin": lambda sent: replace(sent, fetch_site=None, origin="https://evil.example"),
    "no Sec-Fetch-Site, and no token": lambda sent: replace(sent, fetch_site=None, token=None),
    "same-site": lambda sent: replace(sent, fetch_site="same-site"),
    "cross-site": lambda sent: replace(sent, fetch_site="cross-site"),
    "no Origin": lambda sent: replace(sent, origin=None),
    "null Origin": lambda sent: replace(sent, origin="null"),
    "Origin of a sibling": lambda sent: replace(sent, origin="https://wiki.example.com:8443"),
    "Origin on another port": lambda sent: replace(sent, origin="https://auth.example.com"),
    "Origin without TLS": lambda sent: replace(sent, origin="http://auth.example.com:8443"),
    "no cookie": lambda sent: replace(sent, cookie=None),
    "another cookie": lambda sent: replace(sent, cookie="d" * 43),
    "a cookie that is not ours": lambda sent: replace(sent, cookie="x", token=csrf_token(SITE.csrf_key, "x")),
    "no token": lambda sent: replace(sent, token=None),
    "an empty token": lambda sent: replace(sent, token=""),
    "a token under another key": lambda sent: replace(sent, token=csrf_token(b"o" * 32, COOKIE)),
}


@pytest.mark.parametrize("take_away", LEGS.values(), ids=LEGS)
async def test_each_leg_carries_weight(client: Client, take_away: Callable[[Sent], Sent]) -> None:
    sent = take_away(Sent())

    assert (await client.post("/take", data=sent.body(), headers=sent.headers())).status == 403


async def test_a_body_that_is_no_form_is_refused(client: Client) -> None:
    sent = Sent(content_type="text/plain")

    answer = await client.post("/take", data=sent.body(), headers=sent.headers())

    assert answer.status == 400
    assert "The body is not a form." in await answer.text()


async def test_a_field_that_comes_twice_is_refused(client: Client) -> None:
    sent = Sent()

    answer = await client.post("/take", data=sent.body() + "&name=bob", headers=sent.headers())

    assert answer.status == 400
    assert "A field came twice." in await answer.text()


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("203.0.113.7, 198.51.100.1", "None"),
        ("", "None"),
        ("localhost", "None"),
    ],
)
async def test_an_address_is_exactly_one_or_unknown(client: Client, forwarded: str, address: str) -> None:
    answer = await client.get("/tell", headers={"Host": SITE.authority, "X-Forwarded-For": forwarded})

    assert (await answer.json())[0] == address


async def test_without_the_header_the_address_is_unknown(client: Client) -> None:
    answer = await client.get("/tell", headers={"Host": SITE.authority})

    assert (await answer.json())[0] == "None"


async def test_a_long_user_agent_is_cut(client: Client) -> None:
    answer = await client.get("/tell", headers={"Host": SITE.authority, "User-Agent": "x" * 401})

    assert len((await answer.json())[1]) == 400
