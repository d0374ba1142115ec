"""What a proxy gets that is slow, deaf, endless, gone or many, over real sockets and on both event loops."""

import asyncio
import gc
import random
import resource
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FunctionType, ModuleType
from uuid import uuid4

import pytest

from gateway.web.forward_auth.connection import MAX_HEADER_BYTES, Patience
from gateway.web.forward_auth.exchanges import MAX_WAITING
from gateway.web.forward_auth.listener import Listener
from tests.fuzz.mutate import a_question
from tests.fuzz.wire import Slips, Wire, answers, talk
from tests.web.listening import ANSWER_BYTES, BYTES_OF_AN_IDLE_CONNECTION, LOOPS, Here, NewLoop, tell, until

ROOT = Path(__file__).resolve().parents[2]
QUESTION = a_question(random.Random(3)).replace(b"/late/x", b"/x").replace(b"HEAD", b"GET")
LATE = QUESTION.replace(b"Uri: /", b"Uri: /late/")
QUICK = Patience(idle_s=60.0, partial_s=0.3, look_s=0.05)
both_loops = pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)


@both_loops
def test_a_whole_question_is_answered_though_the_proxy_has_ended_its_side(loop: NewLoop, short_directory: Path) -> None:
    async def story(here: Here) -> None:
        proxy = await here.proxy()
        await proxy.send(LATE + LATE + QUESTION[:90])
        await until(lambda: len(here.slips.waiting) == 2)
        proxy.ends()
        await asyncio.sleep(0.05)
        here.slips.answer_newest()
        here.slips.answer_newest()

        told = await proxy.heard_until_closed()

        assert [one.status for one in told] == [200, 200]

    tell(loop, short_directory, story)


@both_loops
@pytest.mark.parametrize("size", [0, 1, len(QUESTION) - 1])
def test_half_a_question_of_a_proxy_that_has_ended_its_side_is_none(
    loop: NewLoop, short_directory: Path, size: int
) -> None:
    async def story(here: Here) -> None:
        proxy = await here.proxy()
        await proxy.send(QUESTION)
        await proxy.heard(1)
        await proxy.send(QUESTION[:size])
        proxy.ends()

        assert await proxy.heard_until_closed() == []
        assert len(here.slips.asked) == 1

    tell(loop, short_directory, story)


@both_loops
def test_a_question_that_began_with_the_end_of_another_is_not_waited_for(loop: NewLoop, short_directory: Path) -> None:
    """One byte at a time, longer than patience lasts: closed, and no answer is there to be taken for another's."""

    async def story(here: Here) -> None:
        proxy = await here.proxy()
        await proxy.send(QUESTION + QUESTION[:20])
        assert len(await proxy.heard(1)) == 1

        for byte in QUESTION[20:]:
            with suppress(ConnectionError):
                await proxy.send(bytes([byte]))
            await asyncio.sleep(0.02)
            if not here.listener.connections:
                break

        assert await proxy.heard_until_closed() == []
        assert len(here.slips.asked) == 1

    tell(loop, short_directory, story, QUICK)


@both_loops
def test_endless_headers_are_read_no_further_than_the_limit(loop: NewLoop, short_directory: Path) -> None:
    async def story(here: Here) -> None:
        proxy, sent = await here.proxy(), 0
        with suppress(ConnectionError):
            await proxy.send(QUESTION[:-2])
            while sent < 64 * MAX_HEADER_BYTES:
                await proxy.send(b"X-More: y\r\n" * 100)
                sent += 1100
        told = await proxy.heard_until_closed()

        assert sent < 64 * MAX_HEADER_BYTES
        assert [(one.status, one.last) for one in told] in ([(431, True)], [])  # closing with bytes unread may reset

    tell(loop, short_directory, story)


def long_question(size: int) -> bytes:
    return QUESTION[:-2] + b"L: " + b"l" * (size - len(QUESTION) - 5) + b"\r\n\r\n"


@both_loops
@pytest.mark.parametrize("chunk", [200_000, 65_536, 65_535, 1000])
@pytest.mark.parametrize(("size", "statuses"), [(MAX_HEADER_BYTES, [200, 200]), (MAX_HEADER_BYTES + 1, [200, 431])])
def test_a_question_has_a_size_however_it_comes(
    loop: NewLoop, short_directory: Path, chunk: int, size: int, statuses: list[int]
) -> None:
    async def story(here: Here) -> None:
        proxy, raw = await here.proxy(), QUESTION + long_question(size)
        for at in range(0, len(raw), chunk):
            await proxy.send(raw[at : at + chunk])
        proxy.ends()

        assert [one.status for one in await proxy.heard_until_closed()] == statuses

    tell(loop, short_directory, story)


@pytest.mark.parametrize("before_the_end", [1, 2, 3, 4])
@pytest.mark.parametrize(("size", "statuses"), [(MAX_HEADER_BYTES, [200, 200]), (MAX_HEADER_BYTES + 1, [200, 431])])
async def test_a_question_is_measured_from_its_own_beginning(
    before_the_end: int, size: int, statuses: list[int]
) -> None:
    seen = await talk([QUESTION[:-before_the_end], QUESTION[-before_the_end:] + long_question(size)])

    assert [told.status for told in seen.told] == statuses


@both_loops
def test_a_question_after_a_long_silence_has_all_the_time_of_one(loop: NewLoop, short_directory: Path) -> None:
    async def story(here: Here) -> None:
        proxy = await here.proxy()
        await proxy.send(QUESTION)
        await proxy.heard(1)
        await asyncio.sleep(1.5)
        await proxy.send(QUESTION[:50])
        await asyncio.sleep(0.2)
        await proxy.send(QUESTION[50:])

        assert [one.status for one in await proxy.heard(1)] == [200]

    tell(loop, short_directory, story, Patience(idle_s=60.0, partial_s=1.2, look_s=0.05))


async def test_nothing_is_asked_after_the_last_question_of_a_worker_that_ends() -> None:
    slips, wire = Slips(), Wire()
    listener = Listener(slips.start, ())
    connection = listener()
    connection.connection_made(wire)
    listener.admission.draining = True

    connection.data_received(LATE * 3)
    slips.answer_newest()

    assert len(slips.asked) == 1
    assert [told.last for told in answers(bytes(wire.written))] == [True]


@both_loops
def test_a_proxy_that_reads_no_answers_is_not_read_from_until_it_does(loop: NewLoop, short_directory: Path) -> None:
    async def story(here: Here) -> None:
        proxy = await here.proxy()
        count = 20_000
        sending = asyncio.create_task(proxy.send(QUESTION * count))
        asked = -1
        while asked != len(here.slips.asked) or not asked:
            asked = len(here.slips.asked)
            await asyncio.sleep(0.2)
        (connection,) = here.listener.connections
        assert connection._transport is not None
        held = connection._transport.get_write_buffer_size()

        assert asked < count
        assert connection._transport.get_write_buffer_limits()[1] == ANSWER_BYTES
        assert ANSWER_BYTES < held < 8 * ANSWER_BYTES  # what was read together is answered together
        assert len(await proxy.heard(count)) == count
        await sending

    tell(loop, short_directory, story)


async def test_so_many_questions_wait_and_no_more_are_read() -> None:
    slips, wire = Slips(), Wire()
    connection = Listener(slips.start, ())()
    connection.connection_made(wire)

    reading = []
    connection.data_received(LATE * MAX_WAITING)
    reading.append(wire.reading)
    connection.data_received(LATE)
    reading.append(wire.reading)
    slips.answer_newest()  # which has to wait for the others
    reading.append(wire.reading)
    while slips.waiting:
        slips.answer_newest()

    assert [*reading, wire.reading] == [True, False, False, True]
    assert len(answers(bytes(wire.written))) == MAX_WAITING + 1


async def test_an_idle_connection_keeps_nothing_of_whom_it_asked_about() -> None:
    cookie = b"__Host-bastion=told-to-nobody-else"
    question = QUESTION.replace(b"\r\n", b"\r\nCookie: %b\r\n" % cookie, 1)
    connection = Listener(Slips().start, ())()
    connection.connection_made(Wire())

    connection.data_received(question[:-2])
    kept_while_half = any(cookie in text for text in texts_of(connection))
    connection.data_received(question[-2:])

    assert kept_while_half
    assert not any(cookie in text for text in texts_of(connection))


def texts_of(root: object) -> Iterator[bytes]:
    """All bytes that an object leads to, but not by way of code."""
    seen, left = set[int](), [root]
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, type | ModuleType | FunctionType | asyncio.AbstractEventLoop):
            continue
        seen.add(id(one))
        if isinstance(one, bytes):
            yield one
        left += gc.get_referents(one)


async def test_answers_that_nobody_reads_are_not_added_to_because_fewer_wait() -> None:
    slips, wire = Slips(), Wire()
    connection = Listener(slips.start, ())()
    connection.connection_made(wire)
    connection.data_received(LATE * (MAX_WAITING + 1))
    connection.pause_writing()
    while slips.waiting:
        slips.answer_newest()

    while_stuffed = wire.reading
    connection.resume_writing()

    assert (while_stuffed, wire.reading) == (False, True)


@both_loops
@pytest.mark.parametrize("raw", [QUESTION[:50], LATE, LATE * 70, LATE + QUESTION[:50]])
def test_a_connection_that_is_reset_harms_no_other(loop: NewLoop, short_directory: Path, raw: bytes) -> None:
    async def story(here: Here) -> None:
        gone, other = await here.proxy_over_tcp(), await here.proxy_over_tcp()
        await gone.send(raw)
        await until(lambda: len(here.slips.asked) == raw.count(b"/late/"))
        gone.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        gone.sock.close()
        await other.send(LATE)
        await until(lambda: len(here.slips.asked) == raw.count(b"/late/") + 1)
        while here.slips.waiting:
            here.slips.answer_newest()

        assert [one.status for one in await other.heard(1)] == [200]
        await until(lambda: len(here.listener.connections) == 1)

    tell(loop, short_directory, story)


@both_loops
def test_an_answer_that_comes_after_the_connection_was_cut_is_dropped(loop: NewLoop, short_directory: Path) -> None:
    async def story(here: Here) -> None:
        proxy = await here.proxy()
        await proxy.send(LATE * 3)
        await until(lambda: len(here.slips.waiting) == 3)
        await here.listener.drain(0.01)
        while here.slips.waiting:
            here.slips.answer_newest()
            await asyncio.sleep(0)

        assert await proxy.heard_until_closed() == []

    tell(loop, short_directory, story)


@contextmanager
def process(directory: Path, more_files: int) -> Iterator[tuple[Path, int]]:
    """The listener in a process of its own: its socket and its number."""
    path = directory / f"{uuid4().hex[:8]}.sock"
    argv = [sys.executable, "-m", "tests.web.listening", str(path), str(more_files)]
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"serves\n"
        yield path, child.pid
        assert child.poll() is None
        child.communicate(timeout=30)
    assert child.returncode == 0


@contextmanager
def files(count: int) -> Iterator[None]:
    """As many as this process and its children may open, if it may have them at all."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connected(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(path))  # as long as it takes: there are more at once than the socket's queue holds
    sock.settimeout(30)
    return sock


def answer_of(sock: socket.socket) -> bytes:
    """The beginning of it; nothing where the connection was closed."""
    try:
        sock.sendall(QUESTION)
        return sock.recv(65_536)[:12]
    except ConnectionError:
        return b""


def resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def test_thousands_of_idle_connections_cost_little_and_disturb_nobody(short_directory: Path) -> None:
    with files(4096), process(short_directory, 3000) as (path, pid):
        live = connected(path)
        assert answer_of(live) == b"HTTP/1.1 200"
        before = resident(pid)
        idle = [connected(path) for _ in range(2000)]
        assert answer_of(idle[-1]) == b"HTTP/1.1 200"

        grown = resident(pid) - before

        print(f"{grown // len(idle)} bytes for each idle connection")
        assert grown < BYTES_OF_AN_IDLE_CONNECTION * len(idle)
        assert answer_of(live) == b"HTTP/1.1 200"
        assert [answer_of(sock) for sock in idle[::100]] == [b"HTTP/1.1 200"] * 20
        for sock in (live, *idle):
            sock.close()


def test_without_files_connections_are_closed_and_afterwards_accepted_again(short_directory: Path) -> None:
    with process(short_directory, 20) as (path, _):
        first = connected(path)
        assert answer_of(first) == b"HTTP/1.1 200"
        many = [connected(path) for _ in range(60)]
        found = [answer_of(sock) for sock in many]

        assert set(found) == {b"HTTP/1.1 200", b""}
        assert found.count(b"HTTP/1.1 200") >= 10
        assert answer_of(first) == b"HTTP/1.1 200"
        for sock in many:
            sock.close()
        first.close()
        while True:  # until it has seen them go; by the test's own time limit
            with connected(path) as again:
                if answer_of(again) == b"HTTP/1.1 200":
                    break
