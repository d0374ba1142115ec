"""The real functions on a real server, and their twin, doing the same things."""

import random
import struct
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from gateway.core.assurance.model import by_password
from gateway.core.principal.ask import Claim, Presented, ProofClaim
from gateway.core.principal.ask import Leases as RealLeases
from gateway.core.session.login_record import Session
from gateway.stores.redis.decisions import Fill as RealFill
from gateway.stores.redis.wire import code_key, login_key, person_key, proof_key
from tests.model import functions
from tests.model.functions import NO_LEASES, Asked, Fill, Leases, Record, Slot
from tests.stores.live import NOW, TAG, Server

LOGINS: Final = ("l" * 22, "m" * 22)
CREDENTIALS: Final = (1, 2, 4, 8)
HOST: Final = "wiki.example.org"
PERSON_KEY, CODE_KEY, PROOF_KEY = person_key(TAG), code_key(TAG, "code"), proof_key(TAG, "proof")
LOGIN_KEYS: Final = tuple(login_key(TAG, login) for login in LOGINS)
KEYS: Final = (PERSON_KEY, *LOGIN_KEYS, CODE_KEY, PROOF_KEY)
EMPTY: Final = Slot(None, (None, None), None)
_LEASED: Final = struct.Struct("<Bdd")
_CLAIMED: Final = struct.Struct("<d")
_DUE: Final = struct.Struct("<I")
_LONG_S: Final = 1_000_000

Image = tuple[Slot, tuple[bytes | None, ...]]


class Pair:
    """seen: how often something came out, so that a walk can't agree by never getting anywhere.

    Keys don't end by themselves here, as they do by the real server's clock: the walk lets them vanish.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.slot = EMPTY
        self.inc = 1
        self.tokens: dict[int, int] = {0: 0}  # the twin's -> the server's
        self.stamps: dict[int, float] = {}
        self.seen: Counter[str] = Counter()
        self._minted = 0

    async def decide(self, login: int, credential: int, claim: int) -> Leases:
        return await self._decide(Asked(login, credential, claim))

    async def prove(self, login: int, credential: int, proof: int, stamp: int, age_s: int) -> Leases:
        """stamp: an incarnation of the twin's."""
        untimely = not -15 <= age_s <= 60
        return await self._decide(Asked(login, credential, proof=proof, stamp=stamp, untimely=untimely), age_s)

    async def _decide(self, asked: Asked, age_s: int = 0) -> Leases:
        raw = await self._raw()
        login, claim, proof = asked.login, asked.claim, asked.proof
        asked = asked._replace(due=(self._is_due(raw[0]), self._is_due(raw[1 + login])))
        fresh = Leases(self._minted + 1, self._minted + 2)
        self._minted += 2
        self.slot, expected = functions.decide(self.slot, self.inc, asked, fresh)
        reply = await self.server.decide(
            Presented(TAG, LOGINS[login], bytes([asked.credential]) * 16),
            claim=Claim("code", HOST) if claim else None,
            proof=ProofClaim("proof", self.server.now - age_s, int(self.stamps.get(asked.stamp, 0))) if proof else None,
            request_id=f"request {claim or proof}" if claim or proof else "",
        )
        assert reply.outcome.value == expected.outcome
        given = reply.leases or RealLeases(0, 0)
        self._match(expected.leases.person, given.person)
        self._match(expected.leases.login, given.login)
        if expected.outcome == "L":
            assert reply.person == _person(expected.person)
        if expected.outcome == "S":
            assert self.stamps.setdefault(self.inc, reply.incarnation) == reply.incarnation
        confirms = expected.outcome == "L" and expected.leases != NO_LEASES
        self.seen[f"{expected.outcome} due" if confirms else expected.outcome] += 1
        return expected.leases

    async def fill(self, given: Fill) -> None:
        self.slot, expected = functions.fill(self.slot, self.inc, given)
        sessions = [Session(bytes([one]) * 16, by_password(NOW), 0) for one in CREDENTIALS if one & given.credentials]
        written = await self.server.calls.fill(
            RealFill(
                tag=TAG,
                login=LOGINS[given.login],
                leases=RealLeases(self.tokens[given.leases.person], self.tokens[given.leases.login]),
                person=_person(given.person),
                expires_at=NOW + 2 * _LONG_S if given.credentials else 0,
                idle_at=self.server.now + _LONG_S,
                idle_s=_LONG_S,
                sessions=tuple(sessions),
            )
        )
        assert written == tuple(letter != "0" for letter in expected)
        self.seen[f"fill {expected}"] += 1

    async def finish(self, login: int) -> None:
        self.slot = functions.finish(self.slot, login)
        await self.server.revocations.end("login", TAG, LOGINS[login])

    async def deny(self, login: int) -> None:
        self.slot = functions.deny(self.slot, login)
        await self.server.revocations.deny_until(TAG, LOGINS[login], self.server.now + 100)

    async def stale_login(self, login: int) -> None:
        self.slot = functions.stale_login(self.slot, login)
        await self.server.revocations.stale_login(TAG, LOGINS[login])

    async def stale_person(self) -> None:
        self.slot = functions.stale_person(self.slot)
        await self.server.revocations.stale_person(TAG)

    async def offer(self) -> None:
        self.slot = functions.offer(self.slot, self.inc)
        await self.server.revocations.offer(TAG, "code", HOST)

    async def vanish(self, key: int) -> None:
        """A deadline, or memory that ran out."""
        records: list[Record | None] = [self.slot.u, *self.slot.l, self.slot.c, self.slot.j]
        records[key] = None
        self.slot = Slot(records[0], (records[1], records[2]), records[3], records[4])
        await self.server.redis.delete(KEYS[key])

    async def minute(self) -> None:
        """What is live is due; a code is too late for anybody, and a proof is forgotten."""
        await self.server.set_time(self.server.now + 60)
        await self.vanish(3)
        await self.vanish(4)

    async def image(self) -> Image:
        return self.slot, await self._raw()

    async def come_back(self, image: Image, *, process_goes_on: bool) -> None:
        """With what the image has, under another replication id. A promotion finds the process that it was."""
        self.slot, raw = image
        self.inc += 1
        await self.server.redis.delete(*KEYS)
        for key, value in zip(KEYS, raw, strict=True):
            if value is not None:
                await self.server.redis.set(key, value)
        await self.server.redis.replicaof("127.0.0.1", "1")
        await self.server.redis.replicaof("NO", "ONE")
        if not process_goes_on:
            await self.server.redis.function_flush()
        await self.server.set_time(self.server.now + 1)
        if raw[4] is not None and self.server.now - _CLAIMED.unpack_from(raw[4])[0] / 1_000_000 > 10:
            await self.vanish(4)  # nothing repeats by now what was claimed then

    async def agree(self) -> None:
        """What lies in the keys is the same: form, incarnation, lease."""
        for key in KEYS:
            await self.server.redis.persist(key)
        raw = await self._raw()
        for key, value, record in zip(KEYS, raw, (self.slot.u, *self.slot.l, self.slot.c, self.slot.j), strict=True):
            assert (value is None) == (record is None)
            if value is None or record is None:
                continue
            if key == PROOF_KEY:
                assert value[_CLAIMED.size :] == f"request {record.says}".encode()
                continue
            assert value[:1] == record.form.encode()
            if record.form in "WL":
                _, stamp, token = _LEASED.unpack_from(value)
                assert self.stamps.setdefault(record.stamp, stamp) == stamp
                assert self.tokens[record.lease] == token
        assert len(set(self.stamps.values())) == len(self.stamps)

    async def _raw(self) -> tuple[bytes | None, ...]:
        values = await self.server.redis.mget(KEYS)
        assert all(value is None or isinstance(value, bytes) for value in values)
        return tuple(value if isinstance(value, bytes) else None for value in values)

    def _is_due(self, raw: bytes | None) -> bool:
        if raw is None or raw[:1] != b"L":
            return False
        due: int = _DUE.unpack_from(raw, _LEASED.size)[0]
        return self.server.now >= due

    def _match(self, expected: int, given: int) -> None:
        """The same token for the same token, another for another."""
        if expected not in self.tokens:
            assert given not in self.tokens.values()
        assert self.tokens.setdefault(expected, given) == given


def _person(groups: int) -> bytes:
    return f"sealed, groups {groups}".encode()


async def walk(pair: Pair, source: random.Random, length: int) -> None:
    """Decisions and refills mostly, with whatever else may happen in between."""
    await pair.server.redis.delete(*KEYS)
    held: list[tuple[int, Leases]] = []
    images = [await pair.image()]
    moved = 0
    for _ in range(length):
        what, login = source.random(), source.randrange(2)
        if what < 0.45:
            await _decide(pair, source, login, held)
        elif what < 0.70 and held:
            await pair.fill(_any_fill(source, held))
        elif what < 0.74:
            images.append(await pair.image())
        elif what < 0.82 and moved < 5:  # each takes a second, and a claim is repeated within ten
            moved += 1
            image = images[-1] if source.random() < 0.4 else await pair.image()
            await pair.come_back(image, process_goes_on=source.random() < 0.5)
            await _go_on(pair, source, login, held)
        else:
            await _anything(pair, source, login)
        await pair.agree()


async def _decide(pair: Pair, source: random.Random, login: int, held: list[tuple[int, Leases]]) -> None:
    credential = source.choice(CREDENTIALS)
    if source.random() < 0.3:
        stamp = source.choice((pair.inc, pair.inc, pair.inc, pair.inc - 1))
        leases = await pair.prove(
            login, credential, source.choice((1, 1, 2)), stamp, source.choice((0, 60, -15, 61, -16))
        )
    else:
        leases = await pair.decide(login, credential, source.choice((0, 0, 1, 2)))
    if leases != NO_LEASES:
        held.append((login, leases))


async def _go_on(pair: Pair, source: random.Random, login: int, held: list[tuple[int, Leases]]) -> None:
    """With another incarnation, as whoever heard the one before would: with its leases and its codes."""
    if held and source.random() < 0.5:
        await pair.fill(_any_fill(source, held))
        await pair.agree()
    await _decide(pair, source, login, held)
    await pair.agree()
    if held:
        await pair.fill(Fill(held[-1][0], held[-1][1], 0, 15))
        await pair.decide(held[-1][0], 1, 1)
        for proof, stamp in ((1, pair.inc - 1), (1, pair.inc), (2, pair.inc)):
            await pair.prove(held[-1][0], 1, proof, stamp, 0)


def _any_fill(source: random.Random, held: Sequence[tuple[int, Leases]]) -> Fill:
    login, leases = source.choice(held[-3:] if source.random() < 0.8 else held)
    ended = source.random() < 0.15
    return Fill(login, leases, source.randrange(3), 0 if ended else source.randrange(1, 16))


async def _anything(pair: Pair, source: random.Random, login: int) -> None:
    choices: tuple[Callable[[], Awaitable[None]], ...] = (
        lambda: pair.finish(login),
        lambda: pair.deny(login),
        lambda: pair.stale_login(login),
        pair.stale_person,
        pair.offer,
        pair.offer,
        pair.minute,
        lambda: pair.vanish(0),
        lambda: pair.vanish(1 + login),
    )
    await source.choice(choices)()
