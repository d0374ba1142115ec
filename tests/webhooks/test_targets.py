"""No way of writing an address inside reaches it, unless its network is allowed; decided on what is connected to."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from ipaddress import ip_network
from pathlib import Path

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from gateway.core.policy.networks import NetworkSet
from gateway.outbound.guarded import AddressRefused, GuardedClient, guard, only
from gateway.outbound.undelivered import Answered, Undelivered
from tests.receiver import own_certificate, receiving, with_status

NOBODY = NetworkSet.of(())
LOCALHOST = NetworkSet.of([ip_network("127.0.0.0/8")])
# Each is this machine, where a server of ours listens: for all resolvers, or for some.
SPELLINGS = [
    "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "127.0.0.1.", "0", "0.0.0.0", "0x7f000001", "0x7f.0.0.1",
    "0x7f.1", "0177.0.0.1", "0177.1", "017700000001", "2130706433", "127.00.00.01", "00000127.0.0.1", "127.0.0.01",
    "localhost", "localhost.", "LOCALHOST", "LocalHost.", "ip6-localhost", "①②⑦.⓪.⓪.①", "127。0。0。1",
    "127\uff0e0\uff0e0\uff0e1",
    "\uff11\uff12\uff17.0.0.1", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "%31%32%37.0.0.1", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::0001]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:0001]", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]", "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]", "[fe80::1%25lo]", "[fe80::1%lo]", "u:p@127.0.0.1", "127.0.0.1:80@127.0.0.1", "1.1.1.1@127.0.0.1",
]  # fmt: skip
EVERYWHERE = NetworkSet.of([ip_network("0.0.0.0/0"), ip_network("::/0")])
GUARDED = GuardedClient(NOBODY)
HEADERS = {"webhook-id": "ev_1"}


class Fickle(AbstractResolver):
    """Says something else each time."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = [*addresses]
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        address = self.addresses[min(self.asked, len(self.addresses) - 1)]
        self.asked += 1
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)
        ]

    async def close(self) -> None:
        """Nothing is open."""


def info(address: str) -> tuple[int, int, int, str, tuple[str, int]]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.SOCK_STREAM, 0, "", (address, 443)


def test_there_are_forty_spellings() -> None:
    assert len({*SPELLINGS}) >= 40


@asynccontextmanager
async def counting() -> AsyncIterator[tuple[int, list[str]]]:
    """A port on all addresses of this machine, and who has connected."""
    connected: list[str] = []

    async def count(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(str(writer.get_extra_info("peername")))
        writer.close()

    async with AsyncExitStack() as stack:
        server = await asyncio.start_server(count, "0.0.0.0", 0)
        port = (await stack.enter_async_context(server)).sockets[0].getsockname()[1]
        with suppress(OSError):  # a machine without IPv6
            await stack.enter_async_context(await asyncio.start_server(count, "::1", port))
        yield port, connected


@pytest.mark.parametrize("scheme", ["http", "https", "HTTP"])
@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_nobody_inside_is_connected_to(spelling: str, scheme: str) -> None:
    async with counting() as (port, connected):
        with pytest.raises(Undelivered):
            await GUARDED.post(f"{scheme}://{spelling}:{port}/", b"{}", HEADERS, 5)
        assert connected == []


async def test_the_port_is_reached_where_the_network_is_allowed() -> None:
    """So that the test above can fail."""
    reached, client = 0, GuardedClient(EVERYWHERE)
    for spelling in SPELLINGS:
        async with counting() as (port, connected):
            with suppress(Undelivered):
                await client.post(f"http://{spelling}:{port}/", b"{}", HEADERS, 0.3)
            reached += bool(connected)

    assert reached >= 20


async def test_a_resolver_that_changes_its_mind_reaches_nothing() -> None:
    """Public at the first look, this machine at the second."""
    async with receiving() as receiver:
        resolver = Fickle("1.1.1.1", "127.0.0.1")
        assert (await resolver.resolve("x"))[0]["host"] == "1.1.1.1"
        for scheme in ("https", "http"):
            with pytest.raises(Undelivered, match=r"internal|allow_networks"):
                await GuardedClient(NOBODY, resolver=resolver).post(
                    f"{scheme}://receiver.example.org:{receiver.port}/", b"{}", HEADERS, 5
                )
        assert resolver.asked == 3, "asked at each attempt"
        assert receiver.heard == []


@pytest.mark.parametrize("scheme", ["http", "HTTP"])
async def test_a_name_outside_is_never_sent_anything_in_clear(scheme: str) -> None:
    client = GuardedClient(LOCALHOST, resolver=Fickle("1.1.1.1"))

    with pytest.raises(Undelivered, match=r"http needs an address in a network of allow_networks"):
        await client.post(f"{scheme}://receiver.example.org/", b"{}", HEADERS, 5)


async def test_the_same_name_is_reached_where_its_network_is_allowed() -> None:
    async with receiving() as receiver:
        client = GuardedClient(LOCALHOST, resolver=Fickle("127.0.0.1"))
        await client.post(f"http://receiver.example.org:{receiver.port}/x", b"{}", HEADERS, 5)

    ((path, headers, body),) = receiver.heard
    assert (path, headers["webhook-id"], body) == ("/x", "ev_1", "{}")
    assert "Cookie" not in headers


async def test_a_redirect_is_an_answer_like_any_other() -> None:
    async with receiving() as receiver, receiving() as other:
        receiver.answer = with_status(307, Location=other.url)
        with pytest.raises(Answered, match=r"^it answered 307$") as answered:
            await GuardedClient(LOCALHOST).post(receiver.url, b"{}", HEADERS, 5)

        assert answered.value.status == 307
        assert other.heard == []


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"])
async def test_no_proxy_of_the_environment_is_used(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as receiver, receiving() as proxy:
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
        await GuardedClient(LOCALHOST).post(receiver.url, b"{}", HEADERS, 5)

        assert (len(receiver.heard), len(proxy.heard)) == (1, 0)


async def test_a_receiver_shows_a_certificate_that_is_trusted(tmp_path: Path) -> None:
    async with receiving(own_certificate(tmp_path)) as receiver:
        url, trust = f"https://127.0.0.1:{receiver.port}/", ssl.create_default_context(cafile=tmp_path / "own.pem")
        with pytest.raises(Undelivered):
            await GuardedClient(LOCALHOST).post(url, b"{}", HEADERS, 5)
        assert receiver.heard == []
        await GuardedClient(LOCALHOST, trust).post(url, b"{}", HEADERS, 5)
        assert len(receiver.heard) == 1


@pytest.mark.parametrize("address", ["1.1.1.1", "10.2.0.1", "::1", "2606:4700::1111", "::ffff:10.2.0.1"])
def test_http_goes_nowhere_but_where_a_network_is_allowed(address: str) -> None:
    allowed = NetworkSet.of([ip_network("10.1.0.0/16")])

    only(allowed)(info("10.1.2.3")).close()
    only(allowed)(info("::ffff:10.1.2.3")).close()
    with pytest.raises(AddressRefused):
        only(allowed)(info(address))
    if address in ("1.1.1.1", "2606:4700::1111"):
        guard(allowed)(info(address)).close()
