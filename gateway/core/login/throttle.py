"""Which buckets a login attempt spends from, before and after its password is known to be wrong or right."""

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.core.addresses import Address, plain_address
from gateway.core.login.attempt import Device
from gateway.core.policy.networks import Network, unmapped
from gateway.core.ratelimit.gcra import Limit
from gateway.core.ratelimit.slots import BucketNames


@dataclass(frozen=True, slots=True)
class NamedNetwork:
    """limit: one budget for all addresses in it together, instead of one for each."""

    name: str
    addresses: tuple[Network, ...]
    limit: Limit


@dataclass(frozen=True, slots=True)
class Bucket:
    """slot and who as in core/principal/ask.py Spend."""

    slot: str
    who: str
    limit: Limit


@dataclass(frozen=True, slots=True)
class LoginLimits:
    """AUTH.LOGIN: usual, and what named networks have instead."""

    names: BucketNames
    usual: Limit
    _narrowest_first: tuple[tuple[Network, NamedNetwork], ...] = ()

    @classmethod
    def of(cls, names: BucketNames, usual: Limit, networks: Iterable[NamedNetwork] = ()) -> "LoginLimits":
        """Of networks that overlap the narrowest counts."""
        each = [(unmapped(addresses), named) for named in networks for addresses in named.addresses]
        return cls(names, usual, tuple(sorted(each, key=lambda one: -one[0].prefixlen)))

    def shared_bucket(self, address: Address | None) -> Bucket:
        """Its named network's; else of an IPv4 address or an IPv6 /64; one for all whose address is not known."""
        network = None if address is None else self._network_of(address)
        if network is None:
            return Bucket(self.names.of_address(address), "", self.usual)
        return Bucket(self.names.of_network(network.name), "", network.limit)

    def device_bucket(self, device: Device) -> Bucket:
        return Bucket(self.names.of_device(device.id), "", self.usual)

    def _network_of(self, address: Address) -> NamedNetwork | None:
        plain = plain_address(address)
        return next((named for network, named in self._narrowest_first if plain in network), None)


@dataclass(frozen=True, slots=True)
class LoginBuckets:
    """before: must have room, or the password is not looked at. on_failure: spent besides, and never asked.

    on_success: what one attempt has cost there is put back. caller: whose turn the attempt takes (core/login/turns.py).

    A known device has a bucket of its own and so is not locked out by guesses from its address, and a success from it
    costs nothing (threats.md L4). A failure from it costs the address what any failure costs.
    """

    before: Bucket
    on_failure: Bucket | None
    on_success: Bucket | None
    caller: str


def login_buckets(limits: LoginLimits, address: Address | None, device: Device, *, known: bool) -> LoginBuckets:
    """known: this device has seen this name sign in (attempt.knows)."""
    shared = limits.shared_bucket(address)
    if not known:
        return LoginBuckets(shared, None, None, limits.names.of_address(address))
    own = limits.device_bucket(device)
    return LoginBuckets(own, shared, own, own.slot)
