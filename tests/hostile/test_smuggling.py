"""Tunnels, and bodies that are questions: nothing gets past by them, and nobody gets another's answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product

import pytest

from tests.hostile.assault import Assault
from tests.hostile.cases import MARK
from tests.hostile.ground import Ground
from tests.hostile.judge import faults_of_reply, route_of
from tests.hostile.people import EVE, NOBODY, Person
from tests.hostile.policy import TUNNEL
from tests.hostile.wire import Channel, chunked

pytestmark = pytest.mark.timeout(300)  # the first makes the apps
UPGRADES = [
    ["h2c"],
    ["foo"],
    ["TLS/1.0"],
    ["websocket, h2c"],
    ["h2c, websocket"],
    ["websocket", "h2c"],
    ["h2c", "websocket"],
    ["websocket", "websocket"],
    ["websocket/13"],
    ["WEBSOCKET,"],
]
NO_UPGRADES = [["websocket;h2c"], ["websocket", "h2c/"], ["websocket h2c"]]
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n"
SMUGGLED = f"GET /admin/secret HTTP/1.1\r\nHost: {TUNNEL}\r\n\r\n".encode()
TARGETS = ["/decide", "/decide?", "/verify", "/verify?", "/public/x"]
USERS = 100
ROUNDS = 3


@asynccontextmanager
async def an_app_that_switches(ground: Ground, protocol: str) -> AsyncIterator[bytearray]:
    """To whatever it is asked for; yields all that it hears."""
    heard, ends = bytearray(), []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends.append(writer)
        heard.extend(await reader.readuntil(b"\r\n\r\n"))
        writer.write(SWITCHED % protocol.encode())
        while octets := await reader.read(65_536):
            heard.extend(octets)

    path = ground.path("tunnel")
    server = await asyncio.start_unix_server(talk, path)
    yield heard
    for writer in ends:
        writer.close()
        await writer.wait_closed()
    server.close()
    await server.wait_closed()
    path.unlink(missing_ok=True)


def upgrade(port: int, *lines: str) -> bytes:
    head = "".join(f"Upgrade: {line}\r\n" for line in lines)
    return (
        f"GET /tunnel HTTP/1.1\r\nHost: {TUNNEL}:{port}\r\nConnection: Upgrade\r\n{head}Sec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ).encode()


async def smuggled(ground: Ground, lines: list[str]) -> tuple[bytes, bytes]:
    """A request behind an upgrade: what the client gets, and what an app hears that takes any upgrade."""
    context = Assault(ground, "aiohttp").context
    async with an_app_that_switches(ground, lines[0]) as heard:
        channel = await Channel.open(ground.port, TUNNEL, context)
        channel.send(upgrade(ground.port, *lines) + SMUGGLED)
        said = await channel.rest()
        await channel.close()
    return said, bytes(heard)


@pytest.mark.parametrize("lines", UPGRADES, ids=" and ".join)
async def test_an_app_that_takes_any_upgrade_hears_of_none(ground: Ground, lines: list[str]) -> None:
    """What the client sends after it is a request like any other."""
    said, heard = await smuggled(ground, lines)

    assert b"101 Switching" not in said
    assert heard.startswith(b"GET /tunnel ")
    assert b"upgrade" not in heard.lower()
    assert b"/admin/secret" not in heard


@pytest.mark.parametrize("lines", NO_UPGRADES, ids=" and ".join)
async def test_no_upgrade_is_a_tunnel_into_an_app_that_takes_any(ground: Ground, lines: list[str]) -> None:
    said, heard = await smuggled(ground, lines)

    assert said.startswith(b"HTTP/1.1 400 ")
    assert b"101 Switching" not in said
    assert heard == b""


async def test_a_websocket_is_one(ground: Ground) -> None:
    """So that the refusals before say something of the protocol."""
    context = Assault(ground, "aiohttp").context
    async with an_app_that_switches(ground, "websocket") as heard:
        channel = await Channel.open(ground.port, TUNNEL, context)
        channel.send(upgrade(ground.port, "websocket"))
        said = await channel.rest()
    await channel.close()

    assert said.startswith(b"HTTP/1.1 101 ")
    assert b"GET /tunnel" in heard


def question(host: str, port: int) -> bytes:
    """As the snippet asks, but about what everybody may see."""
    fields = {
        "Host": f"{host}:{port}",
        "X-Forwarded-Method": "GET",
        "X-Forwarded-Uri": "/public/forged",
        "X-Forwarded-Host": f"{host}:{port}",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-For": "127.0.0.1",
        "X-Request-Id": "00000000-forged",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"GET /decide?1 HTTP/1.1\r\n{lines}\r\n".encode() * 3


async def attack(assault: Assault, method: str, target: str, *, in_chunks: bool) -> None:
    body = question(assault.host, assault.ground.port)
    length = "Transfer-Encoding: chunked" if in_chunks else f"Content-Length: {len(body)}"
    head = f"{method} {target} HTTP/1.1\r\nHost: {assault.place.authority}\r\n{MARK}: attack/\r\n{length}\r\n\r\n"
    async with assault.channel(assault.context) as channel:
        for _ in range(ROUNDS):
            channel.send(head.encode() + (chunked(body) if in_chunks else body))
            (reply,) = await channel.replies([method], silent=False)
            expected = "public" if target == "/public/x" else ""
            if (route_of(reply), reply.header("x-handler")) != (expected, expected):
                assault.faults.append(f"{method} {target} got {reply}")


async def visit(assault: Assault, sender: Person, number: int) -> None:
    """An honest user, whose every answer has to be the one to what was asked."""
    async with assault.channel(assault.context) as channel:
        for turn in range(ROUNDS):
            path = f"/staff/{number}/{turn}"
            cookie = assault.ground.cookie(sender, assault.host)
            lines = [f"GET {path} HTTP/1.1", f"Host: {assault.place.authority}", f"{MARK}: visit/{sender.name}"]
            lines += [f"Cookie: {cookie}"] if cookie else []
            channel.send("\r\n".join([*lines, "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "", ""]).encode())
            (reply,) = await channel.replies(["GET"], silent=False)
            assault.faults += faults_of_reply(reply, sender, assault.place)
            if sender is EVE and reply.body != f"answered by staff: {path}\n".encode():
                assault.faults.append(f"Eve's {path} got {reply}")
            if sender is NOBODY and reply.status != 302:
                assault.faults.append(f"nobody's {path} got {reply}")


async def test_no_body_is_taken_for_a_question(ground: Ground, backend: str) -> None:
    assault = Assault(ground, backend)

    async with asyncio.TaskGroup() as group:
        for number in range(USERS):
            group.create_task(visit(assault, (EVE, NOBODY)[number % 2], number))
        for method, target, in_chunks in product(("GET", "POST"), TARGETS, (False, True)):
            group.create_task(attack(assault, method, target, in_chunks=in_chunks))

    assault.judge_records()
    assert assault.faults == [], "\n".join(assault.faults)
