"""What is inside is reached by no way of writing its address, unless its network is allowed (oauth.md O8)."""

import socket
from ipaddress import ip_network

import pytest

from gateway.core.policy.networks import NetworkSet
from gateway.outbound.guarded import AddressRefused, GuardedClient, guard
from gateway.outbound.undelivered import Undelivered
from tests.receiver import receiving, with_status

NOBODY = NetworkSet.of(())
INSIDE = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.1.2.3", "169.254.169.254", "172.16.0.1", "172.31.255.255",
    "192.0.0.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "168.63.129.16",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1",
    "2002:7f00:1::", "2001::1", "2001:db8::1", "fc00::1", "fd12::1", "fe80::1", "fe80::1%1", "fec0::1", "ff02::1",
]  # fmt: skip
OUTSIDE = ["1.1.1.1", "172.32.0.1", "9.255.255.255", "168.63.129.17", "2606:4700::1111", "::ffff:1.1.1.1"]
URLS = [
    "http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://0:{port}/",
    "http://0.0.0.0:{port}/", "http://127.1:{port}/", "http://2130706433:{port}/", "http://0x7f000001:{port}/",
    "http://017700000001:{port}/", "http://127.0.0.1.:{port}/", "http://localhost.:{port}/",
    "http://①②⑦.⓪.⓪.①:{port}/", "http://u:p@127.0.0.1:{port}/", "http://[::1]:{port}/",
]  # fmt: skip


def info(address: str) -> tuple[int, int, int, str, tuple[str, int]]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.SOCK_STREAM, 0, "", (address, 443)


@pytest.mark.parametrize("address", INSIDE)
def test_no_socket_is_made_for_an_address_inside(address: str) -> None:
    with pytest.raises(AddressRefused):
        guard(NOBODY)(info(address))


@pytest.mark.parametrize("address", OUTSIDE)
def test_one_is_made_for_an_address_outside(address: str) -> None:
    guard(NOBODY)(info(address)).close()


def test_an_allowed_network_is_reached_and_its_neighbour_is_not() -> None:
    allowed = NetworkSet.of([ip_network("10.1.0.0/16")])

    guard(allowed)(info("10.1.2.3")).close()
    guard(allowed)(info("::ffff:10.1.2.3")).close()
    with pytest.raises(AddressRefused):
        guard(allowed)(info("10.2.0.1"))


@pytest.mark.parametrize("url", URLS)
async def test_nothing_inside_hears_of_it(url: str) -> None:
    async with receiving() as receiver:
        with pytest.raises(Undelivered):
            await GuardedClient(NOBODY).form(url.format(port=receiver.port), {"logout_token": "x"})
        assert receiver.heard == []


async def test_a_form_arrives_where_it_is_allowed_and_no_redirect_is_followed() -> None:
    allowed = GuardedClient(NetworkSet.of([ip_network("127.0.0.0/8")]))
    async with receiving() as receiver:
        await allowed.form(receiver.url, {"logout_token": "a.b+c"})
        receiver.answer = with_status(302, Location="/elsewhere")
        with pytest.raises(Undelivered, match=r"^it answered 302$"):
            await allowed.form(receiver.url, {"logout_token": "x"})

    (_, headers, body), (path, _, _) = receiver.heard
    assert (headers["Content-Type"], body) == ("application/x-www-form-urlencoded", "logout_token=a.b%2Bc")
    assert path == "/keep/s3cret-path"


async def test_the_reason_says_what_is_wrong() -> None:
    with pytest.raises(Undelivered, match="the address is internal, and no network of"):
        await GuardedClient(NOBODY).form("http://127.0.0.1:9/", {})
