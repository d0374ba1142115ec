"""A server that lies about its cluster is not believed for long, and nobody passes by it (threats.md R5, R9)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import hiredis
import pytest

from gateway.core.errors import StoreUnavailable
from gateway.core.principal.ask import Question
from gateway.stores.redis.cluster import MAX_SERVERS, Cluster
from gateway.stores.redis.decisions import DecisionCalls
from gateway.stores.redis.functions.library import library
from gateway.stores.redis.revocations import Revocations
from gateway.stores.redis.slots import SLOTS, NodeAddress, slot_of
from tests.cluster.conftest import running
from tests.cluster.test_calls import LOGIN, SLOT, TAG, of

Answer = Callable[[list[bytes], int], bytes]


@asynccontextmanager
async def lying(answer: Answer, heard: Counter[str]) -> AsyncIterator[str]:
    """A server that is made up: answer gets the words of a call and the port. heard: counts FCALLs and the like, and
    under "gone" connections that have ended.
    """
    port = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests = hiredis.Reader()
        with suppress(OSError):
            while data := await reader.read(65_536):
                requests.feed(data)
                while (words := requests.gets()) is not False:
                    heard[words[0].decode()] += 1
                    reply = b"+OK\r\n" if words[0] == b"CLIENT" else answer(words, port)
                    if not reply:
                        writer.close()
                        return
                    writer.write(reply)
        heard["gone"] += 1
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield f"redis://127.0.0.1:{port}"
    server.close()


def all_slots_at(port: int) -> bytes:
    return b"*1\r\n*3\r\n:0\r\n:%d\r\n*2\r\n$0\r\n\r\n:%d\r\n" % (SLOTS - 1, port)


LIES: dict[str, tuple[Callable[[int], bytes], int]] = {
    "in circles": (lambda port: b"-MOVED %d :%d\r\n" % (SLOT, port), 9),
    "in circles by asking": (lambda port: b"-ASK %d :%d\r\n" % (SLOT, port), 9),
    "to nowhere": (lambda _: b"-MOVED %d 127.0.0.1:1\r\n" % SLOT, 1),
    "to a name that is none": (lambda _: b"-MOVED %d a..b:6379\r\n" % SLOT, 1),
    "for another slot": (lambda port: b"-MOVED %d :%d\r\n" % (SLOT + 1, port), 1),
    "without a form": (lambda _: b"-MOVED nowhere\r\n", 1),
    "then it hangs up": (lambda _: b"", 1),
}


@pytest.mark.parametrize(("lie", "times"), LIES.values(), ids=LIES)
async def test_a_server_that_lies_is_asked_so_often_and_nobody_passes(lie: Callable[[int], bytes], times: int) -> None:
    heard: Counter[str] = Counter()

    def answer(words: list[bytes], port: int) -> bytes:
        if words[0] == b"ASKING":
            return b"+OK\r\n"
        return all_slots_at(port) if words[0] == b"CLUSTER" else lie(port)

    async with lying(answer, heard) as url, running(Cluster(url, [], 5, library())) as cluster:
        reply = await DecisionCalls(cluster).reply_to(Question(1, of(TAG), None, ()))

    assert reply is None
    assert heard["FCALL"] == times


TABLES = [
    b"-ERR This instance has cluster support disabled\r\n",
    b"+OK\r\n",
    b"*0\r\n",
    b"*1\r\n*1\r\n:0\r\n",
    b"$-1\r\n",
]


@pytest.mark.parametrize("table", TABLES)
async def test_without_a_table_nothing_is_known(table: bytes) -> None:
    async with lying(lambda _, __: table, Counter()) as url, running(Cluster(url, [], 5, library())) as cluster:
        assert not cluster.connected
        with pytest.raises(StoreUnavailable, match="no known server holds"):
            await Revocations(cluster).end("login", TAG, LOGIN)


async def test_a_server_that_names_ever_more_servers_does_not_fill_the_memory() -> None:
    heard: Counter[str] = Counter()

    def answer(words: list[bytes], port: int) -> bytes:
        if words[0] == b"CLUSTER":
            return all_slots_at(port)
        return b"-MOVED %d 127.0.0.%d:%d\r\n" % (SLOT, heard["FCALL"] % 250 + 1, heard["FCALL"] // 250 + 1)

    async with lying(answer, heard) as url, running(Cluster(url, [], 5, library())) as cluster:
        revocations = Revocations(cluster)
        ends = [revocations.end("login", TAG, str(number)) for number in range(MAX_SERVERS + 50)]
        errors = await asyncio.gather(*ends, return_exceptions=True)

    assert all(isinstance(error, StoreUnavailable) for error in errors)
    assert len([error for error in errors if "one server too many" in str(error)]) == 51


async def test_a_reply_of_another_call_ends_the_connection() -> None:
    """As with one server: whatever is out of step is not trusted any more (threats.md R5)."""
    heard: Counter[str] = Counter()

    def answer(words: list[bytes], port: int) -> bytes:
        return all_slots_at(port) if words[0] == b"CLUSTER" else b":0\r\n"

    async with lying(answer, heard) as url, running(Cluster(url, [], 5, library())) as cluster:
        reply = await DecisionCalls(cluster).reply_to(Question(1, of(TAG), None, ()))
        async with asyncio.timeout(10):
            while not heard["gone"] or not cluster.connected:
                await asyncio.sleep(0.01)

    assert reply is None
    assert heard["CLIENT"] == 2


async def test_a_server_that_is_not_named_any_more_is_forgotten() -> None:
    """A cluster whose servers change their addresses would be one server too many some day."""
    heard: Counter[str] = Counter()
    there: list[int] = []

    def answer(words: list[bytes], port: int) -> bytes:
        return all_slots_at(there[0] if there else port) if words[0] == b"CLUSTER" else b"+OK\r\n"

    async with (
        lying(lambda _, __: b"+OK\r\n", heard) as other,
        lying(answer, Counter()) as url,
        running(Cluster(url, [], 5, library(), forgotten_after_s=0.2)) as cluster,
    ):
        there.append(int(other.rpartition(":")[2]))
        cluster.doubt()
        async with asyncio.timeout(10):
            while not heard["CLIENT"]:
                await asyncio.sleep(0.01)
        there.clear()
        async with asyncio.timeout(10):
            while not heard["gone"]:
                cluster.doubt()
                await asyncio.sleep(0.05)

        assert cluster.connected


async def test_a_server_with_one_slot_is_probed_until_it_has_none() -> None:
    """Between two looks at the table it may have lost that one."""
    rows = [(0, SLOT - 1, 0), (SLOT, SLOT, 1), (SLOT + 1, SLOTS - 1, 0)]
    ports: list[int] = []

    def answer(words: list[bytes], _: int) -> bytes:
        if words[0] != b"CLUSTER":
            return b"+OK\r\n"
        table = [b"*3\r\n:%d\r\n:%d\r\n*2\r\n$0\r\n\r\n:%d\r\n" % (first, last, ports[at]) for first, last, at in rows]
        return b"*%d\r\n" % len(rows) + b"".join(table)

    async with lying(answer, Counter()) as url, lying(answer, Counter()) as other:
        ports += [int(one.rpartition(":")[2]) for one in (url, other)]
        async with running(Cluster(url, [], 5, library())) as cluster:
            before = [slot_of(tag) for tag in cluster.probes]
            cluster.move(SLOT, NodeAddress("127.0.0.1", ports[0]))
            after = list(cluster.probes)

    assert len(before) == 2
    assert SLOT in before
    assert len(after) == 1
