"""Finds the keys of clients that publish them at a URL: fetched once for the whole fleet, and kept in Postgres."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from gateway.core.jose.compact import MalformedJose
from gateway.core.jose.keys import VerificationKey
from gateway.core.oauth.authentication import NotProved, UnprovedAssertion
from gateway.core.oauth.client_keys import LONGEST, PAUSE_S, FetchedKeys, read_key_set
from gateway.core.oauth.clients import Client
from gateway.core.policy.client import assertion_algorithms
from gateway.flows.act import Acts
from gateway.outbound.undelivered import NotFetched
from gateway.stores.postgres.client_jwks import JwksRow

OUTCOMES: Final = ("fetched", "unreachable", "malformed")
_LOOK_S: Final = 0.1
_MOST_LOOKS: Final = 50
_LOG: Final = structlog.stdlib.get_logger("gateway.client_keys")


@dataclass(slots=True)
class _Place:
    """What this worker knows of one URL. lock: one request looks, and the others wait for it."""

    known: FetchedKeys = FetchedKeys()  # noqa: RUF009 - frozen
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """document: fetches one of so many bytes at most, and raises NotFetched. count: hears one of OUTCOMES."""

    acts: Acts
    document: Callable[[str, int], Awaitable[bytes]]
    count: Callable[[str], None]
    _places: dict[tuple[str, str, str], _Place] = field(default_factory=dict, init=False)

    async def of(self, client: Client, claim: UnprovedAssertion) -> Sequence[VerificationKey]:
        """Those of policy, or those of its URL; the latter asked again if the claim needs a key that is not among them.

        Raises NotProved where there are none, or RecordUnavailable.
        """
        if not client.jwks_uri:
            return client.jwks
        # What is read of a document depends on the profile.
        place = self._places.setdefault((client.id, client.jwks_uri, client.profile), _Place())
        now = self.acts.clock()
        if not _suffices(place.known, claim, now):
            async with place.lock:
                if not _suffices(place.known, claim, now):
                    place.known = await self._look(client, claim, now)
        keys = place.known.usable(now)
        if not keys:
            raise NotProved("client_assertion: the client's keys cannot be fetched from its jwks_uri", basic=False)
        return keys

    async def _look(self, client: Client, claim: UnprovedAssertion, now: int) -> FetchedKeys:
        """Into Postgres, and from there to the URL, unless a node was there lately."""
        known = await self._find(client)
        if _suffices(known, claim, now):
            return known
        async with self.acts.begin() as act:
            mine = await act.client_jwks.claim(client.id, client.jwks_uri, now, PAUSE_S)
        if mine:
            await self._fetch(client)
        return await self._settled(client, now)

    async def _fetch(self, client: Client) -> None:
        document = await self._document(client)
        async with self.acts.begin() as act:
            if document:
                await act.client_jwks.keep(client.id, client.jwks_uri, document)
            else:
                await act.client_jwks.fail(client.id, client.jwks_uri)

    async def _document(self, client: Client) -> str:
        """ "" where it is none that helps."""
        try:
            raw = await self.document(client.jwks_uri, LONGEST)
            read_key_set(raw, assertion_algorithms(client.profile))
        except (NotFetched, MalformedJose) as error:
            _LOG.warning("the keys of a client could not be fetched", client=client.id, reason=str(error))
            self.count("unreachable" if isinstance(error, NotFetched) else "malformed")
            return ""
        self.count("fetched")
        return raw.decode()

    async def _settled(self, client: Client, now: int) -> FetchedKeys:
        """Waits for a node that fetches; one that died is not waited for, and its fetch counts as one that failed."""
        known = await self._find(client)
        for _ in range(_MOST_LOOKS):
            if not known.is_awaited(now):
                break
            await asyncio.sleep(_LOOK_S)
            known = await self._find(client)
        return FetchedKeys(known.keys, known.fetched_at, known.tried_at)

    async def _find(self, client: Client) -> FetchedKeys:
        async with self.acts.begin() as act:
            row = await act.client_jwks.find(client.id, client.jwks_uri)
        return FetchedKeys() if row is None else _read(row, assertion_algorithms(client.profile))


def _suffices(known: FetchedKeys, claim: UnprovedAssertion, now: int) -> bool:
    """Whether asking would tell nothing new."""
    return known.is_final(now) or (known.is_fresh(now) and not claim.misses_key(known.keys))


def _read(row: JwksRow, algorithms: frozenset[str]) -> FetchedKeys:
    try:
        keys = read_key_set(row.document.encode(), algorithms) if row.document else ()
    except MalformedJose:  # as a stricter version of us, or a stricter profile, finds it
        keys = ()
    return FetchedKeys(keys, row.fetched_at, row.tried_at, row.settled)
