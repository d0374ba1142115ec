"""A real Caddy before a real Bastion, and an app that answers as a test says."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import WSServerHandshakeError

from gateway.outbound.wire import trusting
from tests.caddy.doubles import App, Doubles
from tests.caddy.front import HOST, Front
from tests.caddy.test_streams import talk
from tests.caddy.test_upgrade import client
from tests.staging import Seen, Stage, Visitor

PARTNER, EVIL = "https://partner.example", "https://evil.example"
ASKS = {"Access-Control-Request-Method": "POST"}


@dataclass
class Ground:
    """signed_in: by the stage's own Caddy; front takes the same cookies."""

    stage: Stage
    front: Front
    doubles: Doubles
    signed_in: Visitor

    @property
    def app(self) -> App:
        return self.doubles.app

    @property
    def cookie(self) -> str:
        return f"__Host-bastion={self.signed_in.jar[HOST]['__Host-bastion']}"

    def ask(self, method: str, path: str, origin: str | None, **more: str) -> Seen:
        """As a browser on another site; the app reflects whatever origin it hears."""
        self.app.headers = [
            ("Access-Control-Allow-Origin", origin or "*"),
            ("Access-Control-Allow-Credentials", "true"),
        ]
        sent = {"Cookie": self.cookie, **more, **({} if origin is None else {"Origin": origin})}
        return Visitor(self.front.ca_file).send(method, f"https://{HOST}:{self.front.port}{path}", sent)


@pytest.fixture
def ground(stage: Stage, front: Front, tmp_path: Path, short_directory: Path) -> Iterator[Ground]:
    directory = short_directory / f"d{tmp_path.name[-12:]}"
    directory.mkdir()
    doubles = Doubles(directory)
    caddyfile = front.right().replace(front.app, f"unix/{doubles.path('app.sock')}")
    assert caddyfile.count("stream_timeout 15m") == 1
    front.start(caddyfile.replace("stream_timeout 15m", "stream_timeout 2s"))
    yield Ground(stage, front, doubles, stage.signed_in())
    doubles.close()


def granted(seen: Seen) -> dict[str, str]:
    return {name: value for name, value in seen.headers.items() if name.lower().startswith("access-control")}


async def test_an_open_websocket_ends_by_stream_timeout_after_the_logout(ground: Ground) -> None:
    """And none is opened any more (threats.md H7)."""
    url = f"wss://{HOST}:{ground.front.port}/ws"
    sent = {"Cookie": ground.cookie, "Origin": ground.stage.app}
    async with client(trusting(ground.front.ca_file)) as session:
        channel = await session.ws_connect(url, headers=sent)
        await channel.send_str("hello")
        talking = asyncio.create_task(talk(channel))

        await asyncio.to_thread(log_out, ground)
        with pytest.raises(WSServerHandshakeError) as refused:
            await session.ws_connect(url, headers=sent)
        await asyncio.wait_for(talking, 30)

    assert refused.value.status == 401
    assert [seen.target for seen in ground.app.reached] == ["/ws"]


def log_out(ground: Ground) -> None:
    page = ground.signed_in.visit(ground.stage.app + "/")
    assert "signed out" in ground.signed_in.submit(page, "/.bastion/logout").text.lower()


def test_nobody_but_the_partner_reads_what_an_app_would_show_to_anybody(ground: Ground) -> None:
    """A simple request: the browser asks, and keeps the answer from the page unless it is allowed (threats.md P8)."""
    seen = {origin: ground.ask("GET", "/api/x", origin) for origin in (None, "null", EVIL, PARTNER)}
    elsewhere = {origin: ground.ask("GET", "/x", origin) for origin in (None, "null", EVIL, PARTNER)}

    assert {one.status for one in (*seen.values(), *elsewhere.values())} == {200}
    assert granted(seen[PARTNER]) == {"Access-Control-Allow-Origin": PARTNER}
    assert [granted(seen[origin]) for origin in (None, "null", EVIL)] == [{}] * 3
    assert [granted(one) for one in elsewhere.values()] == [{}] * 4
    assert all("Origin" in (one.headers.get_all("Vary") or []) for one in (*seen.values(), *elsewhere.values()))


def test_a_preflight_or_a_simple_post_of_no_partner_is_refused_without_the_app(ground: Ground) -> None:
    for origin in ("null", EVIL):
        for path in ("/api/x", "/x"):
            refused = ground.ask("OPTIONS", path, origin, **ASKS)
            posted = ground.ask("POST", path, origin, **{"Content-Type": "text/plain"})

            assert (refused.status, posted.status) == (403, 403)
            assert (granted(refused), granted(posted)) == ({}, {})
    assert not ground.app.reached


def test_without_an_origin_it_is_no_preflight_and_needs_what_get_needs(ground: Ground) -> None:
    answered = ground.ask("OPTIONS", "/api/x", None, **ASKS)
    stranger = ground.ask("OPTIONS", "/api/x", None, **ASKS, Cookie="")
    partner = ground.ask("OPTIONS", "/api/x", PARTNER, **ASKS, Cookie="")

    assert (answered.status, stranger.status, partner.status) == (200, 401, 204)
    assert (granted(answered), granted(stranger)) == ({}, {})
    assert granted(partner)["Access-Control-Allow-Origin"] == PARTNER
    assert [seen.method for seen in ground.app.reached] == ["OPTIONS"]


def test_a_destination_is_judged_and_reaches_the_app_of_methods_that_take_it_only(ground: Ground) -> None:
    """RFC 4918 section 10.3: the resource that MOVE writes."""
    outside = Visitor(ground.front.ca_file)

    def status(method: str, destination: str) -> int:
        url = f"https://{HOST}:{ground.front.port}/open/a"
        return outside.send(method, url, {"Destination": destination, "Overwrite": "T"}).status

    refused = [
        status("MOVE", to)
        for to in (
            f"{ground.stage.app}/private/secret.txt",
            "/private/x",
            "/open/%2e%2e/private/x",
            f"{ground.stage.app2}/open/b",
            "/open/b, /private/x",
        )
    ]
    passed = [status("COPY", f"{ground.stage.app}/open/b"), status("MOVE", "/open/b"), status("PUT", "/private/x")]

    assert refused == [401, 401, 400, 403, 400]
    assert passed == [200, 200, 200]
    heard = [(seen.method, dict(seen.headers).get("Destination")) for seen in ground.app.reached]
    assert heard == [("COPY", f"{ground.stage.app}/open/b"), ("MOVE", "/open/b"), ("PUT", None)]
