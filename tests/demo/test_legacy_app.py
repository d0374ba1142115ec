"""The app that the gateway is shown with."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.demo.legacy_app import make_app

Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with TestClient(TestServer(make_app())) as testing:
        yield testing


async def test_the_page_shows_every_header_and_runs_none(client: Client) -> None:
    answer = await client.get("/wiki?x=1", headers={"Remote-User": "<script>alert(1)</script>", "X-Odd": "seen"})

    text = await answer.text()
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "<td>X-Odd<td>seen" in text
    assert "GET /wiki?x=1" in text


async def test_its_own_headers_are_lax(client: Client) -> None:
    answer = await client.get("/")

    assert answer.headers["Content-Security-Policy"] == "default-src * 'unsafe-inline'"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cache-Control"].startswith("public")


async def test_the_echo_tells_all_lines_of_a_header(client: Client) -> None:
    answer = await client.post("/api/a%2Fb", data=b"body", headers=[("X-Two", "1"), ("X-Two", "2")])

    told = await answer.json()
    assert (told["method"], told["target"], told["body"]) == ("POST", "/api/a%2Fb", "body")
    assert told["headers"]["x-two"] == ["1", "2"]


async def test_the_websocket_says_who_is_there_and_echoes(client: Client) -> None:
    async with client.ws_connect("/ws", headers={"Remote-User": "ada"}) as channel:
        assert await channel.receive_json() == {"user": "ada"}
        await channel.send_str("hello")
        assert await channel.receive_str() == "echo hello"


async def test_hits_count_what_arrived(client: Client) -> None:
    await client.options("/api/x")
    await client.get("/hits")

    assert await (await client.get("/hits")).json() == {"count": 1, "last": ["OPTIONS /api/x"]}


async def test_the_page_leads_to_everything_that_the_demo_shows(client: Client) -> None:
    answer = await client.get("/", headers={"Host": "app.localhost:9443", "Remote-User": "ada"})

    text = await answer.text()
    for href in ("/public/page", "/admin/page", "/strong/page", "/api/me", "https://app2.localhost:9443/"):
        assert f'href="{href}"' in text
    assert 'href="https://auth.localhost:9443/account"' in text
    assert "You signed in at Bastion" in text


async def test_the_page_says_when_nobody_is_signed_in(client: Client) -> None:
    text = await (await client.get("/public/x", headers={"Remote-User": ""})).text()

    assert "you did not have to sign in" in text
    assert "You signed in" not in text
