"""Owns how signing keys come and go: the first ones, rotation by the leader, and what an operator does."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.audit.key_events import (
    SigningKeyCompromised,
    SigningKeyCreated,
    SigningKeyExported,
    SigningKeyRetired,
)
from gateway.core.errors import GatewayError
from gateway.core.jose.keys import SigningKey
from gateway.core.token.signing_keys import NEXT_S, SOON_S, KeyRecord, KeyState, due, missing
from gateway.flows.act import Act, Acts

ALWAYS: Final = frozenset({"ES256", "EdDSA", "RS256"})  # apps differ in what they verify


class NoSuchKey(GatewayError):
    """The command names a key that the database does not have."""


class KnownKey(GatewayError):
    """The database has or had this key already."""


class OnlyKey(GatewayError):
    """Without this key nothing would sign with its algorithm."""


@dataclass(frozen=True, slots=True)
class KeyActs:
    """wanted: the algorithms that somebody signs with, as now. A key is generated before the lock is taken.

    operator: who acts where an operator does. revoked: kids that are compromised whatever the database says.
    """

    acts: Acts
    wanted: Callable[[], Collection[str]]
    rotate_every_s: int
    operator: str = ""
    revoked: Collection[str] = ()

    async def records(self) -> list[KeyRecord]:
        """The oldest first. Raises RecordUnavailable."""
        async with self.acts.begin() as act:
            return await act.signing_keys.records()

    async def make_missing(self) -> None:
        """Of many nodes that start at once one makes them. Raises RecordUnavailable."""
        await self._make_missing(await self.records())

    async def rotate_due(self) -> None:
        """For the leader: the next key of what grows old, and an end to private keys that are gone."""
        records = await self.records()
        await self._make_missing(records)
        await self._rotate(records, lambda records, now: due(records, self.rotate_every_s, now), "rotation")
        async with self.acts.begin() as act:
            await act.signing_keys.erase_gone(act.now)

    async def rotate(self, alg: str = "") -> list[SigningKeyCreated]:
        """Publishes a new key of this algorithm, or of each; it signs after NEXT_S, and then the old one retires."""

        def chosen(records: Sequence[KeyRecord], now: int) -> set[str]:
            signing = _signing(records, now)
            return signing & {alg} if alg else signing

        return await self._rotate(await self.records(), chosen, "by_operator")

    async def adopt(self, key: SigningKey) -> SigningKeyCreated:
        """As rotate, with a key that an operator brings. Raises KnownKey."""
        async with self.acts.begin(operator=self.operator) as act:
            records = await _locked(act)
            if key.kid in self.revoked or any(one.kid == key.kid for one in records):
                raise KnownKey(f"the key {key.kid} is or was one of the fleet's; see `bastion signing-key list`")
            return await _replace(act, records, key, "by_operator")

    async def export(self, kid: str) -> SigningKey:
        """The entry stands before the caller has the key. Raises NoSuchKey, also of a key that is gone."""
        async with self.acts.begin(operator=self.operator) as act:
            record = _named(await act.signing_keys.records(), kid)
            if record.key is None:
                raise NoSuchKey(f"the private key of {kid} is gone, or this node can't read it")
            act.record(SigningKeyExported(None, kid, record.alg, "by_operator"))
        return record.key

    async def retire(self, kid: str) -> None:
        """It signs nothing from now on. Raises NoSuchKey, and OnlyKey where no other signs with its algorithm."""
        async with self.acts.begin(operator=self.operator) as act:
            records = await _locked(act)
            record = _named(records, kid)
            others = [one for one in records if one.kid != kid]
            if record.alg not in _signing(others, act.now):
                raise OnlyKey(
                    f"no other key signs with {record.alg} now: `bastion signing-key rotate --alg {record.alg}` makes"
                    f" one, which signs after {NEXT_S // 60} minutes and retires this one by itself"
                )
            await _retire(act, record, act.now, "by_operator")

    async def compromise(self, kid: str) -> None:
        """Nothing that it signed is accepted any more, and another takes its place at once. Raises NoSuchKey.

        May be repeated.
        """
        alg = _named(await self.records(), kid).alg
        fresh = await _generated([alg])
        async with self.acts.begin(operator=self.operator) as act:
            records = await _locked(act)
            record = _named(records, kid)
            if record.times.compromised_at is None:
                await _compromise(act, record, "by_operator")
            others = [one for one in records if one.kid != kid]
            if alg not in _signing(others, act.now + SOON_S):
                await _add(act, fresh[alg], act.now + SOON_S, "after_compromise")

    async def _make_missing(self, seen: Sequence[KeyRecord]) -> None:
        """seen: as _rotate has it."""
        lacking = self._missing(seen, self.acts.clock())
        if not lacking and not self._restored(seen):
            return
        fresh = await _generated(lacking)
        async with self.acts.begin() as act:
            records = await _locked(act)
            for record in self._restored(records):
                await _compromise(act, record, "remembered")
            for alg in self._missing(records, act.now):
                if alg in fresh:
                    await _add(act, fresh[alg], act.now + (SOON_S if records else 0), "missing")

    async def _rotate(
        self, seen: Sequence[KeyRecord], choose: Callable[[Sequence[KeyRecord], int], Iterable[str]], why: str
    ) -> list[SigningKeyCreated]:
        """seen: read without the lock, which is taken only if something is chosen of them."""
        fresh = await _generated(choose(seen, self.acts.clock()))
        if not fresh:
            return []
        made = []
        async with self.acts.begin(operator=self.operator) as act:
            records = await _locked(act)
            for alg in sorted(set(choose(records, act.now)) & fresh.keys()):
                made.append(await _replace(act, records, fresh[alg], why))  # noqa: PERF401 -- one after the other
        return made

    def _missing(self, records: Sequence[KeyRecord], now: int) -> list[str]:
        return missing([one for one in records if one.kid not in self.revoked], self.wanted(), now)

    def _restored(self, records: Iterable[KeyRecord]) -> list[KeyRecord]:
        return [one for one in records if one.kid in self.revoked and one.times.compromised_at is None]


async def _generated(algs: Iterable[str]) -> dict[str, SigningKey]:
    """In a thread: one of RSA takes up to a second."""
    return {alg: await asyncio.to_thread(SigningKey.generate, alg) for alg in algs}


async def _locked(act: Act) -> list[KeyRecord]:
    """Read again behind the lock: what was seen before it may be over."""
    await act.signing_keys.lock()
    return await act.signing_keys.records()


async def _replace(act: Act, records: Iterable[KeyRecord], key: SigningKey, why: str) -> SigningKeyCreated:
    """The others of its algorithm sign until it does."""
    active_from = act.now + NEXT_S
    for record in records:
        if record.alg == key.alg:
            await _retire(act, record, active_from, why)
    return await _add(act, key, active_from, why)


async def _add(act: Act, key: SigningKey, active_from: int, why: str) -> SigningKeyCreated:
    await act.signing_keys.add(key, act.now, active_from)
    event = SigningKeyCreated(None, key.kid, key.alg, why, active_from)
    act.record(event)
    return event


async def _retire(act: Act, record: KeyRecord, at: int, why: str) -> None:
    if await act.signing_keys.retire(record.kid, at):
        act.record(SigningKeyRetired(None, record.kid, record.alg, why, at))


async def _compromise(act: Act, record: KeyRecord, why: str) -> None:
    await act.signing_keys.compromise(record.kid, act.now)
    act.record(SigningKeyCompromised(None, record.kid, record.alg, why))


def _named(records: Iterable[KeyRecord], kid: str) -> KeyRecord:
    for record in records:
        if record.kid == kid:
            return record
    raise NoSuchKey(f"there is no signing key {kid}; see `bastion signing-key list`")


def _signing(records: Iterable[KeyRecord], now: int) -> set[str]:
    """The algorithms with which a key signs now."""
    return {one.alg for one in records if one.key is not None and one.times.state(now) is KeyState.ACTIVE}
