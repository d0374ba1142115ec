"""The decision listener and the aiohttp handler give the same answers, headers and bodies to the same questions."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.web.forms import AuthHost
from gateway.web.forward_auth import handler
from gateway.web.html import Html, static_files
from gateway.web.middleware import page_middlewares
from tests.web.served import Served, close, question, statuses

SITE = AuthHost("https://auth.example.org", b"k" * 32)
ASKED = "Origin: https://partner.example\r\nAccess-Control-Request-Method: POST\r\n"
ALIKE = {
    "open": question(),
    "login": question("/x"),
    "a person's login": question("/x", more="Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"),
    "an older browser": question("/x", more="Accept: text/html\r\n"),
    "no route": question(host="nobody.example.org"),
    "bad path": question("/a/../b"),
    "twice": question(more="X-Forwarded-Uri: /admin\r\n"),
    "preflight": question("/api/x", more=ASKED).replace(
        b"X-Forwarded-Method: GET", b"X-Forwarded-Method: OPTIONS"
    ),
    "hidden": question("/hidden/x"),
    "ours": question("/.bastion/x"),
    "callback": question("/.bastion/callback?code=x&j=y", more="Accept: text/html\r\n"),
    "no factor": question("/mfa/x"),
    "method": question("/get").replace(b"X-Forwarded-Method: GET", b"X-Forwarded-Method: PUT"),
}  # fmt: skip
VARYING = (
    b"date:",
    b"server:",
    b"content-length:",
    b"location:",
    b"set-cookie: __host-bastion-way",
    b"x-bastion-ratelimit:",
)


@pytest.mark.parametrize("raw", ALIKE.values(), ids=ALIKE)
async def test_the_aiohttp_handler_answers_alike(served: Served, raw: bytes) -> None:
    await both_answer(served, raw)


OWN = "__Host-bastion=<token>"
COOKIES = {
    "as a browser writes it": (OWN, 200),
    "with blanks around it": (f"a=1;\t{OWN}\t ; b=2", 200),
    "in a second line": (f"a=1\r\nCookie: {OWN}", 200),
    "twice": (f"{OWN}; {OWN}", 401),
    "twice, in two lines": (f"{OWN}\r\nCookie: {OWN}", 401),
    "a sibling's before it": (f"__Host-bastion=evil; {OWN}", 401),
    "a sibling's after it": (f"{OWN}; __Host-bastion=evil", 401),
    "a sibling's with U+2000 before it": (f"\u2000__Host-bastion=evil; {OWN}", 200),
    "a sibling's with U+2000 after it": (f"{OWN}; \u2000__Host-bastion=evil", 200),
    "a sibling's in another case after it": (f"{OWN}; __host-bastion=evil", 200),
    "only with U+2000": ("\u2000" + OWN, 401),
    "only with U+00A0": ("\u00a0" + OWN, 401),
    "in another case": (OWN.lower(), 401),
    "a space before =": (OWN.replace("=", " ="), 401),
    "a space after =": (OWN.replace("=", "= "), 401),
    "quoted": ('__Host-bastion="<token>"', 401),
    "after a comma": (f"a=1, {OWN}", 401),
    "after an open quote": (f'a="1; {OWN}', 200),
    "after $Version": (f"$Version=1; {OWN}; $Path=/", 200),
}


@pytest.mark.parametrize(("cookies", "status"), COOKIES.values(), ids=COOKIES)
async def test_both_read_the_same_cookies(served: Served, cookies: str, status: int) -> None:
    await served.here.add_person()
    token = await served.here.log_in()
    more = f"Cookie: {cookies}\r\n".replace("<token>", token.text)

    answer = await both_answer(served, question("/x", more=more))

    assert statuses(answer) == [status]
    assert (b"Remote-User: ada\r\n" in answer) is (status == 200)


async def both_answer(served: Served, raw: bytes) -> bytes:
    """What the listener says; the aiohttp handler has said the same before."""
    app = web.Application(middlewares=page_middlewares(SITE, Html(static_files()), lambda size: b"r" * size, "/verify"))
    app.add_routes(handler.routes("/verify", served.here.decisions, SITE))
    async with TestServer(app) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(raw.replace(b"/decide?x", b"/verify?x").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        by_aiohttp = await reader.read()
        await close(writer)

    by_listener = await served.send(raw.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))

    assert _lines(by_aiohttp) == _lines(by_listener.removesuffix(b"<closed>"))
    return by_listener


def _lines(received: bytes) -> tuple[list[bytes], bytes]:
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    kept = sorted(line for line in lines if not line.lower().startswith(VARYING) and line != b"Connection: close")
    return [first.split(b" ")[1], *kept], body


async def test_the_auth_hosts_own_site_does_not_answer_decisions(served: Served) -> None:
    app = web.Application(middlewares=page_middlewares(SITE, Html(static_files()), lambda size: b"r" * size, "/verify"))
    app.add_routes(handler.routes("/verify", served.here.decisions, SITE))
    async with TestServer(app) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(question(target="/verify", host="auth.example.org", more="Connection: close\r\n"))
        received = await reader.read()
        await close(writer)

    assert statuses(received) == [404]
