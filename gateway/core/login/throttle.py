"""Which buckets a login attempt spends from, before and after its password is known to be wrong or right."""

import hashlib
from dataclasses import dataclass

from gateway.core.login.attempt import Device
from gateway.core.ratelimit.slots import Address, address_slot
from gateway.core.session.tokens import b64


@dataclass(frozen=True, slots=True)
class Bucket:
    """slot and who as in core/forward/ask.py Spend."""

    slot: str
    who: str


@dataclass(frozen=True, slots=True)
class LoginBuckets:
    """before: must have room, or the password is not looked at. on_failure: spent besides, and never asked.

    A known device has a bucket of its own and so is not locked out by guesses from its address, and a success from it
    costs the address nothing (threats.md L4). A failure from it costs the address what any failure costs.
    """

    before: Bucket
    on_failure: Bucket | None


def login_buckets(address: Address | None, device: Device, *, known: bool) -> LoginBuckets:
    """known: this device has seen this name sign in (attempt.knows)."""
    shared = address_bucket(address)
    if not known:
        return LoginBuckets(shared, None)
    slot = "d" + b64(hashlib.sha256(device.id.encode()).digest()[:12])
    return LoginBuckets(Bucket(slot, ""), shared)


def address_bucket(address: Address | None) -> Bucket:
    """One bucket for an IPv4 address or an IPv6 /64; one for all whose address is not known."""
    return Bucket(address_slot(address), "")
