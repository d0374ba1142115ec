"""Which buckets an ask for a new password spends from: nobody can block a person's own (threats.md L6)."""

from typing import Final

from gateway.core.addresses import Address
from gateway.core.login.attempt import Device
from gateway.core.login.throttle import Bucket
from gateway.core.ratelimit.gcra import Limit, Per
from gateway.core.ratelimit.slots import BucketNames
from gateway.core.units import DAY_S

_A_DAY: Final = 20
A_DAY: Final = Limit("AUTH.FORGOT_PASSWORD.DAY", _A_DAY, DAY_S * 1_000_000, _A_DAY, Per.PRINCIPAL)


def forgot_buckets(
    names: BucketNames, limit: Limit, person: str, address: Address | None, device: Device, *, known: bool
) -> tuple[Bucket, ...]:
    """To be spent in this order, up to the first that is empty. person: the same for each spelling of theirs.

    known: this device has seen this name sign in. It has a budget of its own, which no other device spends.
    """
    mailbox = names.of_mailbox(person)
    if known:
        return (Bucket(mailbox, names.of_device(device.id), limit),)
    return Bucket(mailbox, names.of_address(address), limit), Bucket(mailbox, "", A_DAY)
