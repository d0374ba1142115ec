"""The decision listener as an HTTP/1.1 server."""

import asyncio
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.web.forward_auth.connection import MAX_HEADER_BYTES, MAX_HEADERS, Patience
from gateway.web.forward_auth.listener import Listener
from tests.web.served import Served, close, question, statuses


async def test_one_connection_answers_many_questions(served: Served) -> None:
    received = await served.send(question() * 5)

    assert statuses(received) == [200] * 5
    assert not received.endswith(b"<closed>")


async def test_pipelined_questions_are_answered_in_order(served: Served) -> None:
    """The second waits for Postgres, the others for nothing but Redis."""
    await served.here.add_person()
    token = await served.here.log_in()
    known = question("/x", more=f"Cookie: __Host-bastion={token.text}\r\n")

    received = await served.send(question() + known + question("/x") + question(host="nobody.example.org") + question())

    assert statuses(received) == [200, 200, 401, 421, 200]
    parts = received.split(b"HTTP/1.1 ")[1:]
    assert [b"Remote-User: ada" in part for part in parts] == [False, True, False, False, False]


async def test_more_questions_than_wait_at_once_are_all_answered(served: Served) -> None:
    assert statuses(await served.send(question() * 300)) == [200] * 300


async def test_head_has_no_body_and_the_same_head(served: Served) -> None:
    get = await served.send(question("/x"))
    head = await served.send(question("/x", method="HEAD") + question())

    assert statuses(head) == [401, 200]
    assert head.split(b"\r\n\r\n")[0] == get.split(b"\r\n\r\n")[0]
    assert b"login_required" not in head


@pytest.mark.parametrize("upgrade", ["websocket", "h2c", "foo"])
async def test_upgrade_means_nothing(served: Served, upgrade: str) -> None:
    more = f"Connection: Upgrade\r\nUpgrade: {upgrade}\r\nSec-WebSocket-Key: x\r\n"

    received = await served.send(question(more=more) + question("/x") + question())

    assert statuses(received) == [200, 401, 200]


SMUGGLED = question("/smuggled")
BODIES = {
    "a length": question(more="Content-Length: 5\r\n") + b"hello" + SMUGGLED,
    "a decision as body": question(more=f"Content-Length: {len(SMUGGLED)}\r\n") + SMUGGLED,
    "chunks": question(more="Transfer-Encoding: chunked\r\n") + b"5\r\nhello\r\n0\r\n\r\n" + SMUGGLED,
    "both": question(more="Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + b"0\r\n\r\n" + SMUGGLED,
    "two lengths": question(more="Content-Length: 0\r\nContent-Length: 5\r\n") + SMUGGLED,
    "an odd length": question(more="Content-Length: +5\r\n") + SMUGGLED,
    "an odd coding": question(more="Transfer-Encoding: identity\r\n") + SMUGGLED,
}


@pytest.mark.parametrize("raw", BODIES.values(), ids=BODIES)
async def test_a_body_is_refused_and_what_follows_is_not_read(served: Served, raw: bytes) -> None:
    received = await served.send(question() + raw)

    assert statuses(received) == [200, 400]
    assert received.endswith(b"<closed>")


async def test_an_empty_body_is_none(served: Served) -> None:
    assert statuses(await served.send(question(more="Content-Length: 0\r\n") * 2)) == [200, 200]


GARBAGE = {
    "no HTTP": b"hello\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a line that folds": question(more="X: a\r\n b\r\n"),
    "a bare line feed": question().replace(b"\r\n", b"\n"),
    "a NUL in a value": question(more="X: a\0b\r\n"),
    "a space before the colon": question(more="X : a\r\n"),
}


@pytest.mark.parametrize("raw", GARBAGE.values(), ids=GARBAGE)
async def test_garbage_is_never_let_in(served: Served, raw: bytes) -> None:
    received = await served.send(raw + question("/garbage"))

    assert 200 not in statuses(received) or len(statuses(received)) == 1


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (question(target="/"), 404),
        (question(target="/decide/x"), 404),
        (question(target="/decidex"), 404),
        (question(target="/decide"), 200),
        (question(method="POST"), 405),
        (question(method="OPTIONS"), 405),
        (question(more="X-Forwarded-Uri: /admin\r\n"), 400),
        (question(more="Host: evil.example\r\n"), 400),
        (question(more="x" * 20_000 + ": y\r\n"), 200),
    ],
)
async def test_only_the_snippets_question_is_answered(served: Served, raw: bytes, status: int) -> None:
    assert statuses(await served.send(raw)) == [status]


@pytest.mark.parametrize(("headers", "status"), [(MAX_HEADERS - 7, 200), (MAX_HEADERS - 6, 431)])
async def test_headers_are_counted(served: Served, headers: int, status: int) -> None:
    more = "".join(f"X-{number}: y\r\n" for number in range(headers))

    assert statuses(await served.send(question(more=more))) == [status]


async def test_headers_have_a_size(served: Served) -> None:
    room = MAX_HEADER_BYTES - len(question(more="X: \r\n"))

    fits = await served.send(question(more=f"X: {'y' * room}\r\n"))
    endless = await served.send(question()[:-2] + b"X: " + b"y" * (MAX_HEADER_BYTES + 1))

    assert statuses(fits) == [200]
    assert statuses(endless) == [431]
    assert endless.endswith(b"<closed>")


async def test_connection_close_is_kept(served: Served) -> None:
    received = await served.send(question(more="Connection: close\r\n") + question())

    assert statuses(received) == [200]
    assert b"Connection: close\r\n" in received
    assert received.endswith(b"<closed>")


async def test_draining_answers_what_is_under_way_and_closes_the_rest(served: Served) -> None:
    idle_reader, idle_writer = await asyncio.open_unix_connection(served.path)
    busy_reader, busy_writer = await asyncio.open_unix_connection(served.path)
    await asyncio.sleep(0.02)
    busy_writer.write(question("/x"))
    await asyncio.sleep(0.001)

    await served.listener.drain(2)

    assert await idle_reader.read() == b""
    answer = await busy_reader.read()
    assert statuses(answer) == [401]
    assert served.listener.connections == set()
    await close(idle_writer)
    await close(busy_writer)


async def test_draining_waits_for_the_question_on_a_connection_that_was_just_opened(served: Served) -> None:
    """Caddy would answer 502: it tries again on connections that have served before, and on no other."""
    reader, writer = await asyncio.open_unix_connection(served.path)
    await asyncio.sleep(0.02)
    draining = asyncio.create_task(served.listener.drain(20))
    await asyncio.sleep(0.05)

    writer.write(question() * 2)
    answer = await reader.read()

    assert statuses(answer) == [200]
    assert b"Connection: close\r\n" in answer
    await draining
    assert served.listener.connections == set()
    await close(writer)


QUICK = Patience(idle_s=2.0, partial_s=1.0, look_s=0.1)


@pytest.mark.parametrize(
    ("raw", "after_s", "open_still"),
    [
        (b"", 1.0, True),
        (b"", 3.0, False),
        (question(), 1.0, True),
        (question(), 3.0, False),
        (question()[:40], 0.3, True),
        (question()[:40], 1.7, False),
    ],
)
async def test_silence_ends_a_connection_and_half_a_question_sooner(
    served: Served, short_directory: Path, raw: bytes, after_s: float, open_still: bool
) -> None:
    listener = Listener(served.here.decisions.start, (), QUICK)
    path = short_directory / f"{uuid4().hex[:8]}.sock"
    server = await asyncio.get_running_loop().create_unix_server(listener, path)
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(raw)

    await asyncio.sleep(after_s)

    assert bool(listener.connections) is open_still
    await close(writer)
    server.close()
    await listener.drain(1)
    assert reader is not None


async def test_half_a_question_in_drops_is_not_waited_for(served: Served, short_directory: Path) -> None:
    listener = Listener(served.here.decisions.start, (), QUICK)
    path = short_directory / f"{uuid4().hex[:8]}.sock"
    server = await asyncio.get_running_loop().create_unix_server(listener, path)
    _, writer = await asyncio.open_unix_connection(path)

    for byte in question()[:8]:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.25)

    assert not listener.connections
    await close(writer)
    server.close()
    await listener.drain(1)


@pytest.mark.parametrize(
    ("peers", "admitted"),
    [((), True), ((ip_network("127.0.0.0/8"),), True), ((ip_network("10.0.0.0/8"),), False)],
)
async def test_over_tcp_only_the_configured_peers_are_answered(
    served: Served, peers: tuple[object, ...], admitted: bool
) -> None:
    listener = Listener(served.here.decisions.start, peers)  # type: ignore[arg-type]  # networks of either version
    server = await asyncio.get_running_loop().create_server(listener, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(question())
    received = b""
    with suppress(ConnectionResetError, TimeoutError):
        received = await asyncio.wait_for(reader.read(4096), 1)
    await close(writer)
    server.close()

    assert (statuses(received) == [200]) is admitted


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.integers(1, 7))
async def test_any_bytes_in_any_pieces_are_refused_or_answered(served: Served, garbage: bytes, size: int) -> None:
    reader, writer = await asyncio.open_unix_connection(served.path)
    raw = question() + garbage
    for start in range(0, len(raw), max(size, len(raw) // 20)):
        writer.write(raw[start : start + max(size, len(raw) // 20)])
        await asyncio.sleep(0)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 2)
    await close(writer)

    assert head.startswith(b"HTTP/1.1 200")
