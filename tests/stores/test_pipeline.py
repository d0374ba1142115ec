"""Replies reach who asked; whatever could shift them ends the connection (threats.md R5)."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from gateway.core.errors import StoreUnavailable
from gateway.core.principal.ask import Presented, Question
from gateway.embedded import EmbeddedValkey
from gateway.stores.redis.decisions import DecisionCalls, FunctionCalls
from gateway.stores.redis.functions.library import library
from gateway.stores.redis.pipeline import MAX_WAITING, Pipeline, RedisRefused, Server, packed
from gateway.stores.redis.revocations import Revocations
from gateway.waiting import Caller
from tests.running import running

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def until_connected(pipeline: Pipeline) -> None:
    async with asyncio.timeout(5):
        while not pipeline.connected:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def fake_server(path: Path, serve: Serve) -> AsyncIterator[None]:
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await serve(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async with await asyncio.start_unix_server(handle, path):
        yield
    await asyncio.wait(tasks, timeout=2)


async def test_many_calls_of_one_tick_are_answered_in_order(redis_url: str) -> None:
    async with running(Pipeline(redis_url, 1)) as pipeline:
        answers = await asyncio.gather(*(pipeline.ask(("ECHO", str(number))) for number in range(1000)))

    assert answers == [str(number).encode() for number in range(1000)]


async def test_an_error_of_redis_is_for_its_own_call_only(redis_url: str) -> None:
    async with running(Pipeline(redis_url, 1)) as pipeline:
        bad, good = pipeline.ask(("NOSUCH",)), pipeline.ask(("ECHO", "x"))

        with pytest.raises(RedisRefused):
            await bad
        assert await good == b"x"


async def test_more_calls_than_may_wait_fail_at_once(redis_url: str) -> None:
    heard: list[object] = []
    async with running(Pipeline(redis_url, 5)) as pipeline:
        for _ in range(MAX_WAITING + 1):
            pipeline.call(packed(("PING",)), Caller(heard.append))
        refused = list(heard)
        async with asyncio.timeout(10):
            while len(heard) <= MAX_WAITING:
                await asyncio.sleep(0.01)

    assert len(refused) == 1
    assert isinstance(refused[0], StoreUnavailable)
    assert heard.count(b"PONG") == MAX_WAITING


@pytest.fixture
async def complaints() -> list[str]:
    """What the loop says of protocols that it can't call."""
    heard: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: heard.append(context["message"]))
    return heard


async def test_a_server_that_does_not_read_for_a_while_gets_all_calls_in_the_end(
    short_directory: Path, complaints: list[str]
) -> None:
    path, reads = short_directory / "slow.sock", asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"+OK\r\n")
        await reads.wait()
        while (got := await reader.read(65_536)) or not reader.at_eof():
            writer.write(b"+PONG\r\n" * got.count(b"PING"))

    async with fake_server(path, serve), running(Pipeline(f"unix://{path}", 5)) as pipeline:
        calls = [asyncio.create_task(pipeline.ask(("PING", "x" * 10_000))) for _ in range(500)]
        await asyncio.sleep(0.1)
        assert not any(call.done() for call in calls)
        reads.set()
        answers = await asyncio.gather(*calls)

    assert answers == [b"PONG"] * 500
    assert complaints == []


async def test_a_server_that_ends_its_side_ends_the_connection(short_directory: Path, complaints: list[str]) -> None:
    path = short_directory / "half.sock"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"+OK\r\n")
        await reader.read(1000)
        writer.write_eof()
        await reader.read(1000)

    async with fake_server(path, serve), running(Pipeline(f"unix://{path}", 5)) as pipeline:
        with pytest.raises(StoreUnavailable, match="lost"):
            await pipeline.ask(("PING",))

    assert complaints == []


async def test_a_caller_that_went_away_keeps_its_place(redis_url: str) -> None:
    async with running(Pipeline(redis_url, 1)) as pipeline:
        tasks = [asyncio.create_task(pipeline.ask(("ECHO", str(number)))) for number in range(50)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        rest = await asyncio.gather(*tasks[1::2])

    assert rest == [str(number).encode() for number in range(1, 50, 2)]


async def test_a_late_answer_is_nobodys(short_directory: Path) -> None:
    """The server answers the first call only after its time is over: the second must not get that answer."""
    path, late = short_directory / "late.sock", asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"+OK\r\n")
        while await reader.read(1000):
            await late.wait()
            with suppress(OSError):
                writer.write(b"$5\r\nfirst\r\n")
        writer.close()

    async with fake_server(path, serve), running(Pipeline(f"unix://{path}", 0.1)) as pipeline:
        with pytest.raises(StoreUnavailable, match="within"):
            await pipeline.ask(("ECHO", "first"))
        late.set()
        await until_connected(pipeline)
        answer = await pipeline.ask(("ECHO", "second"))

    assert answer == b"first", "of the new connection's own server: the old connection is gone"


@pytest.mark.parametrize("garbage", [b"what?\r\n", b"$5\r\nab\r\n\r\n\r\n*", b"+OK\r\n+OK\r\n+OK\r\n"])
async def test_garbage_and_surplus_replies_end_the_connection(short_directory: Path, garbage: bytes) -> None:
    path = short_directory / "garbage.sock"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"+OK\r\n")
        await reader.read(1000)
        writer.write(garbage)
        await reader.read(1000)
        writer.close()

    async with fake_server(path, serve), running(Pipeline(f"unix://{path}", 0.1)) as pipeline:
        with suppress(StoreUnavailable):
            await pipeline.ask(("ECHO", "x"))
        async with asyncio.timeout(2):
            while pipeline.connected:
                await asyncio.sleep(0.005)


async def test_a_call_that_is_made_while_the_connection_ends_is_answered_too(short_directory: Path) -> None:
    """As of a question that arrives in the very tick in which the loss is noticed: it would wait for ever."""
    path = short_directory / "ends.sock"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"+OK\r\n")
        await reader.read(1000)

    async with fake_server(path, serve), running(Pipeline(f"unix://{path}", 0.2)) as pipeline:
        heard: list[object] = []
        await until_connected(pipeline)
        pipeline.call(packed(("PING",)), Caller(lambda _: pipeline.call(packed(("PING",)), Caller(heard.append))))
        async with asyncio.timeout(2):
            while not heard:
                await asyncio.sleep(0.01)

    assert isinstance(heard[0], StoreUnavailable)


async def test_without_a_server_every_call_fails_at_once(short_directory: Path) -> None:
    async with running(Pipeline(f"unix://{short_directory}/nobody.sock", 5)) as pipeline:
        async with asyncio.timeout(0.5):
            with pytest.raises(StoreUnavailable):
                await pipeline.ask(("ECHO", "x"))


@pytest.mark.parametrize("host", ["a..b", "x" * 64, "\ufffd"])
async def test_a_name_that_no_host_can_have_is_a_server_that_is_away(host: str) -> None:
    """Also of a cluster that names it: an error here would end the worker."""
    async with running(Pipeline(Server("", host, 6379, False, "", "", 0), 0.1)) as pipeline:
        await asyncio.wait_for(pipeline.ready(), 5)
        with pytest.raises(StoreUnavailable):
            await pipeline.ask(("ECHO", "x"))


async def test_it_comes_back_when_the_server_does(redis_server: EmbeddedValkey, redis_url: str) -> None:
    async with running(Pipeline(redis_url, 1)) as pipeline:
        assert await pipeline.ask(("ECHO", "before")) == b"before"
        redis_server.kill()
        with pytest.raises(StoreUnavailable):
            await pipeline.ask(("ECHO", "between"))
        redis_server.start()
        await until_connected(pipeline)

        assert await pipeline.ask(("ECHO", "after")) == b"after"


async def test_nobody_gets_anothers_answer_through_a_bad_line(redis_socket: Path, short_directory: Path) -> None:
    """A relay that delays, drops and cuts: each of 3,000 calls gets its own answer or an error."""
    rng, path = random.Random(7), short_directory / "relay.sock"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(redis_socket)

        async def forth() -> None:
            while data := await reader.read(65_536):
                inner_writer.write(data)
            inner_writer.close()

        task = asyncio.create_task(forth())
        with suppress(OSError):
            while data := await inner_reader.read(rng.choice((1, 7, 4096))):
                if rng.random() < 0.002:
                    break
                if rng.random() < 0.002:
                    await asyncio.sleep(0.3)
                writer.write(data)
        task.cancel()
        writer.close()
        inner_writer.close()

    async def ask(pipeline: Pipeline, number: int) -> bool:
        try:
            return await pipeline.ask(("ECHO", str(number))) == str(number).encode()
        except StoreUnavailable:
            await asyncio.sleep(0.01)
            return True

    async def user(pipeline: Pipeline, first: int) -> bool:
        return all([await ask(pipeline, number) for number in range(first, first + 30)])

    async with fake_server(path, serve), running(Pipeline(f"unix://{path}", 0.1)) as pipeline:
        assert all(await asyncio.gather(*(user(pipeline, first) for first in range(0, 3000, 30))))


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("redis://h:1/2", Server("", "h", 1, False, "", "", 2)),
        ("redis://h", Server("", "h", 6379, False, "", "", 0)),
        ("rediss://u:p%40@h:7/0", Server("", "h", 7, True, "u", "p@", 0)),
        ("unix:///run/x.sock?db=3", Server("/run/x.sock", "localhost", 6379, False, "", "", 3)),
        ("unix:///run/x.sock", Server("/run/x.sock", "localhost", 6379, False, "", "", 0)),
    ],
)
def test_a_url_says_where_redis_is(url: str, server: Server) -> None:
    assert Server.of(url) == server


ANOTHERS = b"$46\r\n" + b"\xff" * 46 + b"\r\n"


async def test_a_reply_of_another_call_ends_the_connection_and_everything_that_waits(short_directory: Path) -> None:
    """One that came twice would otherwise be off by one for good (threats.md R5)."""
    path, connections = short_directory / "shifted.sock", 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read(1000)
        writer.write(b"+OK\r\n")
        while await reader.read(4000):
            writer.write(ANOTHERS)
        writer.close()

    async with fake_server(path, serve), running(Pipeline(f"unix://{path}", 60)) as pipeline:
        calls = DecisionCalls(FunctionCalls(pipeline, library()))
        presented = Presented("t" * 16, "l" * 22, b"c" * 16)
        asked = [calls.reply_to(Question(number, presented, None, ())) for number in range(3)]
        async with asyncio.timeout(10):
            replies = await asyncio.gather(*asked)
            while connections < 2:
                await asyncio.sleep(0.01)

    assert replies == [None, None, None]


@pytest.mark.parametrize("reply", [ANOTHERS, b":0\r\n", b"+OK\r\n", b"$-1\r\n"])
async def test_a_revocation_is_done_only_when_its_own_reply_says_so(short_directory: Path, reply: bytes) -> None:
    path = short_directory / "revoked.sock"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"+OK\r\n")
        while await reader.read(4000):
            writer.write(reply)
        writer.close()

    async with fake_server(path, serve), running(Pipeline(f"unix://{path}", 60)) as pipeline:
        with pytest.raises(StoreUnavailable, match="its own reply"):
            await Revocations(FunctionCalls(pipeline, library())).end("login", "t" * 16, "l" * 22)
