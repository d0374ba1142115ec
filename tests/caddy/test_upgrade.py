"""A WebSocket passes when it is allowed, and nothing else leaves HTTP."""

import ssl

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.caddy.doubles import IDENTITY, App, Decision, RawApp
from tests.caddy.rig import APP, RAW, Rig

SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n"


class Here(AbstractResolver):
    """Every name is this machine."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        return None


def upgrade(host: str, *lines: str) -> bytes:
    head = "".join(f"Upgrade: {line}\r\n" for line in lines)
    return (
        f"GET /tunnel HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n{head}Sec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ).encode()


def client(context: ssl.SSLContext) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Here(), ssl=context))


async def test_a_websocket_passes_both_ways(rig: Rig, decision: Decision, app: App) -> None:
    decision.allow(X_Bastion_Set_X_Powered_By="!")
    app.headers = [("X-Powered-By", "PHP/4")]

    async with client(rig.trust()) as session, session.ws_connect(f"wss://{APP}:{rig.port}/ws") as channel:
        await channel.send_str("hello")
        said = await channel.receive_str(timeout=5)

    assert said == "echo hello"
    assert decision.asked[0].one("X-Bastion-Upgrade") == "websocket"
    assert not decision.asked[0].all("Upgrade")
    assert not decision.asked[0].all("Connection")
    assert decision.asked[0].one("X-Forwarded-Method") == "GET"
    assert app.reached[0].one("Remote-User") == "ada"
    assert not app.reached[0].all("X-Bastion-Upgrade")


async def test_a_refused_websocket_gets_the_refusal(rig: Rig, decision: Decision, app: App) -> None:
    decision.status, decision.headers, decision.body = 401, [("X-Login", "here")], b"log in"

    async with client(rig.trust()) as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(f"wss://{APP}:{rig.port}/ws")

    assert refused.value.status == 401
    assert refused.value.headers is not None
    assert refused.value.headers["X-Login"] == "here"
    assert not app.reached


def test_the_gateway_cannot_be_made_to_switch_protocols(rig: Rig, decision: Decision, app: App) -> None:
    decision.status = 101
    decision.headers = [("Connection", "Upgrade"), ("Upgrade", "websocket"), *IDENTITY.items()]

    answer = rig.say(APP, upgrade(APP, "websocket"))

    assert b"101" not in answer.split(b"\r\n")[0]
    assert b"from the app" not in answer
    assert not app.reached


@pytest.mark.parametrize(
    "lines",
    [
        ["h2c"],
        ["foo"],
        ["websocket, h2c"],
        ["h2c, websocket"],
        ["websocket", "h2c"],
        ["h2c", "websocket"],
        ["websocket", "websocket"],
        ["websocket/13"],
    ],
)
def test_an_app_that_would_take_any_other_upgrade_hears_of_none(
    rig: Rig, decision: Decision, raw: RawApp, lines: list[str]
) -> None:
    """What follows is another request, about which the gateway is asked."""
    raw.answer = SWITCHED % lines[0].encode()
    second = f"GET /second HTTP/1.1\r\nHost: {RAW}\r\nConnection: close\r\n\r\n".encode()

    answer = rig.say(RAW, upgrade(RAW, *lines) + second)

    assert b"101 Switching" not in answer
    assert raw.received.startswith(b"GET /tunnel ")
    assert b"upgrade" not in raw.received.lower()
    assert raw.received.count(b"GET /") == len(decision.asked)


def test_settings_of_an_upgrade_that_is_ignored_stay_here(rig: Rig, raw: RawApp) -> None:
    request = upgrade(RAW, "h2c").replace(b"Connection: Upgrade", b"Connection: Upgrade, HTTP2-Settings")

    answer = rig.say(RAW, request.replace(b"Upgrade: h2c", b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk"))

    assert answer.startswith(b"HTTP/1.1 200")
    assert b"http2-settings" not in raw.received.lower()


@pytest.mark.parametrize("lines", [["\twebsocket;h2c"], ["websocket", "h2c/"], ["websocket h2c"]])
def test_no_other_upgrade_reaches_an_app_that_would_take_any(rig: Rig, raw: RawApp, lines: list[str]) -> None:
    raw.answer = SWITCHED % lines[0].encode()
    smuggled = f"GET /admin/secret HTTP/1.1\r\nHost: {RAW}\r\n\r\n".encode()

    answer = rig.say(RAW, upgrade(RAW, *lines) + smuggled)

    assert answer.startswith(b"HTTP/1.1 400")
    assert b"101 Switching" not in answer
    assert b"/tunnel" not in raw.received


def test_an_upgrade_that_the_app_does_not_take_up_is_an_ordinary_answer(rig: Rig, app: App, raw: RawApp) -> None:
    raw.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno"
    second = f"GET /second HTTP/1.1\r\nHost: {APP}\r\nConnection: close\r\n\r\n".encode()

    answer = rig.say(RAW, upgrade(RAW, "websocket") + second.replace(APP.encode(), RAW.encode()))

    assert answer.startswith(b"HTTP/1.1 200")
    assert not app.reached
