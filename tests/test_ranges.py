"""The range API hears five digits and no more, gives the verdicts of the index, and holds nobody up when it fails."""

import asyncio
import time
from ipaddress import ip_network
from pathlib import Path

import pytest

from gateway.core.password.breached import BreachVerdict, breach_digest
from gateway.core.policy.networks import NetworkSet
from gateway.flows.people.breaches import NO_CORPUS, Breaches
from gateway.outbound.ranges import NoRange, Ranges
from gateway.stores.files.breach_import import import_corpus, parts_of
from gateway.stores.files.breach_index import BreachIndex
from tests.breached import ordered_file, range_server, sha1_of

KNOWN = {f"password {number}": number + 1 for number in range(1000)}
HERE = NetworkSet.of([ip_network("127.0.0.0/8")])
DAY_S = 24 * 3600


class Seconds:
    """A monotonic clock that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def asking(url: str, clock: Seconds | None = None) -> Ranges:
    return Ranges(url, HERE, clock or Seconds())


async def test_api_and_index_say_the_same_of_2000_passwords(tmp_path: Path) -> None:
    """Of which half are known, some of them spelled in another way."""
    import_corpus(parts_of([ordered_file(tmp_path / "a", KNOWN)]), tmp_path / "index", 1, 0, lambda _a, _b: None)
    index = BreachIndex(tmp_path / "index")
    asked = [*KNOWN, *(f"another {number}" for number in range(950)), *(f"ｐassword {number}" for number in range(50))]  # noqa: RUF001
    async with range_server(KNOWN) as server:
        api = asking(server.url)
        by_api = [await api.has(breach_digest(password)) for password in asked]

    assert len(asked) == 2000
    assert by_api == [index.has(breach_digest(password)) for password in asked]
    assert sum(by_api) == 1050


async def test_five_digits_leave_and_the_answer_is_padded() -> None:
    async with range_server(KNOWN) as server:
        assert await asking(server.url).has(breach_digest("password 7"))

        ((prefix, headers),) = server.asked
    assert prefix == sha1_of("password 7")[:5]
    assert headers["Add-Padding"] == "true"
    assert sha1_of("password 7")[5:15] not in str(headers).upper()


async def test_a_line_of_padding_is_no_password() -> None:
    async with range_server({}) as server:
        digest = bytes.fromhex("00000" + "F" * 30 + "00003")

        assert not await asking(server.url).has(digest)
        assert server.asked[0][0] == "00000"


async def test_a_range_is_asked_once_a_day() -> None:
    clock, digest = Seconds(), breach_digest("password 7")
    async with range_server(KNOWN) as server:
        ranges = asking(server.url, clock)
        for later_s, asked in ((0, 1), (DAY_S - 1, 1), (DAY_S, 2)):
            clock.now = 1000.0 + later_s
            assert await ranges.has(digest)
            assert len(server.asked) == asked


async def test_512_ranges_are_remembered_and_then_the_oldest_is_forgotten() -> None:
    digests = [bytes.fromhex(f"{number:05X}" + "0" * 35) for number in range(513)]
    async with range_server({}) as server:
        ranges = asking(server.url)
        for digest in digests[:512]:
            await ranges.has(digest)
        await ranges.has(digests[0])
        assert len(server.asked) == 512

        await ranges.has(digests[512])
        await ranges.has(digests[1])
        assert len(server.asked) == 513
        await ranges.has(digests[0])
        assert len(server.asked) == 514


@pytest.mark.parametrize("broken", ["slow", "status", "redirect", "page", "endless", "cut", "gone"])
async def test_an_api_that_fails_means_not_checked_within_a_second(broken: str) -> None:
    heard: list[BreachVerdict] = []
    async with range_server(KNOWN) as server:
        server.broken = broken
        url = "http://127.0.0.1:1/range/" if broken == "gone" else server.url
        breaches = Breaches(asking(url).has, heard.append)

        began = time.monotonic()
        assert await breaches.look("password 7") == "not_checked"

        assert time.monotonic() - began < 1.5, "a second, and what a slow machine adds"
    assert heard == ["not_checked"]


async def test_after_five_failures_nothing_is_asked_for_a_minute() -> None:
    clock = Seconds()
    async with range_server(KNOWN) as server:
        ranges = asking(server.url, clock)
        server.broken = "status"
        for _ in range(8):
            with pytest.raises(NoRange):
                await ranges.has(breach_digest("password 7"))
        assert len(server.asked) == 5

        clock.now += 59.9
        with pytest.raises(NoRange):
            await ranges.has(breach_digest("password 7"))
        assert len(server.asked) == 5

        clock.now += 0.1
        with pytest.raises(NoRange):
            await ranges.has(breach_digest("password 7"))
        with pytest.raises(NoRange):
            await ranges.has(breach_digest("password 7"))
        assert len(server.asked) == 6, "one failure is enough to wait again"

        clock.now += 60
        server.broken = ""
        assert await ranges.has(breach_digest("password 7"))


async def test_four_failures_are_forgotten_after_an_answer() -> None:
    async with range_server(KNOWN) as server:
        ranges = asking(server.url)
        for number in range(10):
            server.broken = "" if number == 4 else "status"
            await asyncio.gather(ranges.has(breach_digest(f"password {number}")), return_exceptions=True)

        assert len(server.asked) == 10


async def test_an_api_inside_is_not_reached_unless_its_network_is_allowed() -> None:
    async with range_server(KNOWN) as server:
        with pytest.raises(NoRange):
            await Ranges(server.url, NetworkSet.of(()), Seconds()).has(breach_digest("password 7"))

        assert server.asked == []


async def test_what_a_range_remembers_is_still_known_while_the_api_is_down() -> None:
    async with range_server(KNOWN) as server:
        ranges = asking(server.url)
        assert await ranges.has(breach_digest("password 7"))
        server.broken = "status"

        assert await ranges.has(breach_digest("password 7"))


async def test_an_index_that_is_not_there_means_not_checked(tmp_path: Path) -> None:
    heard: list[BreachVerdict] = []
    index = BreachIndex(tmp_path / "nowhere")
    breaches = Breaches(lambda digest: asyncio.to_thread(index.has, digest), heard.append)

    assert await breaches.look("password 7") == "not_checked"
    assert heard == ["not_checked"]


async def test_without_a_corpus_nothing_is_counted() -> None:
    assert await NO_CORPUS.look("password 7") == "not_checked"
