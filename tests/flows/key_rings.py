"""Signing keys in a test's own database."""

from gateway.flows.act import Acts
from gateway.flows.keys.key_acts import ALWAYS, KeyActs
from gateway.flows.keys.key_ring import KeyRing

EVERY_S = 90 * 86_400


def key_acts(acts: Acts, wanted: frozenset[str] = ALWAYS, operator: str = "cli:ada") -> KeyActs:
    return KeyActs(acts, lambda: wanted, EVERY_S, operator)


def ring_of(acts: Acts) -> KeyRing:
    return KeyRing(acts.pool, acts.vault, acts.clock)


async def first_boot(acts: Acts) -> KeyRing:
    """With the keys that a fleet makes when it starts on an empty database."""
    await key_acts(acts).make_missing()
    ring = ring_of(acts)
    await ring.refresh()
    return ring
