"""Keeps what waits to be delivered. All times are of Postgres' clock, so workers on several nodes agree."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from gateway.core.outbox.kinds import MessageKind
from gateway.core.webhooks.endpoint import AWAY_AFTER
from gateway.stores.postgres.database import AnyConnection

_INSERT: Final = """
    INSERT INTO outbox (kind, destination, position, sealed, digest, user_id, worthless_at, state, done_at)
    VALUES ($1, $2, $3, $4, sha256($4), $5, now() + make_interval(secs => $6),
            CASE WHEN $7 THEN 'waiting' ELSE 'done' END, CASE WHEN $7 THEN NULL ELSE now() END)
    ON CONFLICT (destination, position, digest) DO NOTHING
    RETURNING id
"""
# What is in a lease is on its way, and may arrive yet.
_BURY_OLDEST: Final = """
    UPDATE outbox SET state = 'dead', done_at = now(), status = $3
     WHERE id IN (SELECT id FROM outbox WHERE destination = $1 AND state = 'waiting' ORDER BY id DESC OFFSET $2)
       AND (lease_until IS NULL OR lease_until < now())
    RETURNING id
"""
_DIED_LATELY: Final = """
    SELECT EXISTS (SELECT FROM outbox WHERE destination = $1 AND state = 'dead'
                      AND done_at > now() - make_interval(secs => $2))
"""
# The second SELECT reads each row once more when it gets the lock, so nobody takes what another has just taken.
_CLAIM: Final = """
    UPDATE outbox SET lease_until = now() + make_interval(secs => $2), tries = tries + 1
     WHERE id = (
        SELECT id FROM outbox o
         WHERE kind = $1 AND state = 'waiting' AND due_at <= now() AND (lease_until IS NULL OR lease_until < now())
           AND (worthless_at IS NULL OR worthless_at > now())
           AND CASE WHEN $3 THEN
                   NOT EXISTS (SELECT FROM outbox e WHERE e.destination = o.destination AND e.state = 'waiting'
                                  AND e.id < o.id)
               ELSE (SELECT count(*) FROM outbox e WHERE e.destination = o.destination AND e.state = 'waiting'
                        AND e.lease_until >= now()) < 2
               END
         ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id, destination, sealed, user_id, tries, lease_until
"""
# Its endpoint says whether messages come one at a time, and when. Who is away is probed by one message, due or not.
# Of two that choose the same row, the second one waits for the first, and then finds the lease.
_CLAIM_WEBHOOK: Final = """
    UPDATE outbox SET lease_until = now() + make_interval(secs => $1), tries = tries + 1
     WHERE (lease_until IS NULL OR lease_until < now()) AND state = 'waiting' AND id = (
        SELECT o.id FROM endpoints e CROSS JOIN LATERAL (
            SELECT id, due_at, lease_until FROM outbox
             WHERE destination = 'endpoint/' || e.id AND state = 'waiting'
               AND (e.ordered OR ((lease_until IS NULL OR lease_until < now())
                                  AND (due_at <= now() OR e.failures >= $2)))
             ORDER BY CASE WHEN e.ordered THEN id END, due_at, id LIMIT 1) o
         WHERE e.state = 'active' AND (e.held_until IS NULL OR e.held_until <= now())
           AND (o.lease_until IS NULL OR o.lease_until < now()) AND (o.due_at <= now() OR e.failures >= $2)
           AND (SELECT count(*) FROM outbox l WHERE l.destination = 'endpoint/' || e.id AND l.state = 'waiting'
                   AND l.lease_until IS NOT NULL AND l.lease_until >= now())
               < CASE WHEN e.ordered OR e.failures >= $2 THEN 1 ELSE 2 END
         ORDER BY o.due_at LIMIT 1)
    RETURNING id, destination, sealed, user_id, tries, lease_until
"""
# A webhook is sent to whoever is away though it is not due: its endpoint decides.
_DUE: Final = """
    SELECT kind FROM unnest($1::text[]) kind
     WHERE EXISTS (SELECT FROM outbox o WHERE o.kind = kind.kind AND o.state = 'waiting'
                      AND (o.due_at <= now() OR kind.kind = 'webhook'))
"""
_FINISH: Final = """
    UPDATE outbox SET state = 'done', done_at = now(), lease_until = NULL, sealed = '', status = ''
     WHERE id = $1 AND lease_until = $2 RETURNING id
"""
_PUT_OFF: Final = """
    UPDATE outbox SET due_at = now() + make_interval(secs => $3), lease_until = NULL, status = $4
     WHERE id = $1 AND lease_until = $2 RETURNING id
"""
_POSTPONE: Final = """
    UPDATE outbox SET due_at = now() + make_interval(secs => $3), lease_until = NULL, tries = tries - 1, status = $4
     WHERE id = $1 AND lease_until = $2 RETURNING id
"""
_BURY: Final = """
    UPDATE outbox SET state = 'dead', done_at = now(), lease_until = NULL, status = $3
     WHERE id = $1 AND lease_until = $2 RETURNING id
"""
_FORGET_WORTHLESS: Final = """
    DELETE FROM outbox
     WHERE state = 'waiting' AND worthless_at <= now() AND (lease_until IS NULL OR lease_until < now())
    RETURNING id
"""
_RELEASE: Final = """
    UPDATE outbox SET lease_until = NULL, tries = tries - 1 WHERE id = $1 AND lease_until = $2 RETURNING id
"""
_RETRY: Final = """
    UPDATE outbox SET state = 'waiting', done_at = NULL, due_at = now(), tries = 0
     WHERE id = $1 AND state <> 'done' AND (lease_until IS NULL OR lease_until < now()) RETURNING id
"""
_ADD_ALL: Final = """
    INSERT INTO outbox (kind, destination, position, sealed, digest)
    SELECT $1, $2, position, sealed, sha256(sealed)
      FROM unnest($3::bigint[], $4::bytea[]) WITH ORDINALITY AS given(position, sealed, number) ORDER BY number
    ON CONFLICT (destination, position, digest) DO NOTHING
"""
_COUNT_WAITING: Final = "SELECT count(*) FROM outbox WHERE destination = $1 AND state = 'waiting'"
_WITHDRAW: Final = "DELETE FROM outbox WHERE destination = $1"
_HURRY: Final = "UPDATE outbox SET due_at = now() WHERE destination = $1 AND state = 'waiting' AND due_at > now()"
_STATE: Final = "SELECT state FROM outbox WHERE id = $1"
_ARRIVAL: Final = "SELECT state, extract(epoch FROM done_at)::bigint AS done_at FROM outbox WHERE id = $1"
# Delivered messages are many: each half has an index without them.
_COUNT: Final = """
    SELECT kind, state, count(*) AS rows, extract(epoch FROM now() - min(made_at))::float8 AS oldest_s
      FROM outbox WHERE state = 'waiting' GROUP BY kind, state
    UNION ALL
    SELECT kind, state, count(*), extract(epoch FROM now() - min(made_at))::float8
      FROM outbox WHERE state = 'dead' GROUP BY kind, state
"""
_LIST: Final = """
    SELECT id, kind, destination, position, state, tries, status, made_at, due_at, done_at
      FROM outbox
     WHERE ($1::text IS NULL OR kind = $1) AND state = ANY($2::text[]) AND ($4::text IS NULL OR destination = $4)
     ORDER BY id DESC LIMIT $3
"""


MessageState = Literal["waiting", "done", "dead"]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that this worker is to send before lease_until, which also proves that the lease is still its own.

    tries: this one counts.
    """

    id: int
    destination: str
    sealed: bytes
    user_id: UUID | None
    tries: int
    lease_until: datetime


@dataclass(frozen=True, slots=True)
class Arrival:
    """gone: nobody tries it any more. done_at: Unix seconds."""

    state: Literal["waiting", "done", "dead", "gone"]
    done_at: int | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many messages of a kind are in a state, and for how long the oldest has been there."""

    kind: str
    state: MessageState
    rows: int
    oldest_s: float


@dataclass(frozen=True, slots=True)
class Message:
    """What an operator may see of one: not what is sent. status: how the last try failed, or ""."""

    id: int
    kind: str
    destination: str
    position: int
    state: MessageState
    tries: int
    status: str
    made_at: datetime
    due_at: datetime
    done_at: datetime | None


class Outbox:
    """Bound to one connection. A destination gets its messages one at a time, in the order in which they were added; of
    a kind without order two at a time, so that one that hangs holds up no other destination (evidence.md X11). Of
    webhooks the endpoint says which.
    """

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def add(
        self,
        kind: MessageKind,
        destination: str,
        position: int,
        sealed: bytes,
        *,
        user_id: UUID | None = None,
        worth_s: float | None = None,
    ) -> bool:
        """It is sent once the transaction is committed. False: the destination has had it before.

        user_id: whom it is about. worth_s: for how long it is tried; None: for ever.
        """
        added = await self.add_numbered(kind, destination, position, sealed, user_id=user_id, worth_s=worth_s)
        return added is not None

    async def add_numbered(
        self,
        kind: MessageKind,
        destination: str,
        position: int,
        sealed: bytes,
        *,
        user_id: UUID | None = None,
        worth_s: float | None = None,
    ) -> int | None:
        """As add; its id, for arrival."""
        values = kind.value, destination, position, sealed, user_id, worth_s, kind.is_sent
        added: int | None = await self._connection.fetchval(_INSERT, *values)
        return added

    async def arrival(self, message_id: int) -> Arrival:
        """What became of a message that was added."""
        row = await self._connection.fetchrow(_ARRIVAL, message_id)
        return Arrival("gone", None) if row is None else Arrival(row["state"], row["done_at"])

    async def add_all(self, kind: MessageKind, destination: str, messages: Sequence[tuple[int, bytes]]) -> None:
        """Each a position and what is sealed, in this order. What the destination has had before is left out."""
        positions, sealed = [one for one, _ in messages], [one for _, one in messages]
        await self._connection.execute(_ADD_ALL, kind.value, destination, positions, sealed)

    async def count_waiting(self, destination: str) -> int:
        return int(await self._connection.fetchval(_COUNT_WAITING, destination))

    async def withdraw(self, destination: str) -> None:
        """Forgets all of its messages, also those that have arrived. What is on its way may arrive yet."""
        await self._connection.execute(_WITHDRAW, destination)

    async def hurry(self, destination: str) -> None:
        """What waits for its next try is due now."""
        await self._connection.execute(_HURRY, destination)

    async def forget_worthless(self) -> int:
        """How many did not arrive while they were worth it."""
        return len(await self._connection.fetch(_FORGET_WORTHLESS))

    async def bury_oldest(self, destination: str, most: int, status: str) -> int:
        """At most so many go on waiting; how many have become dead letters."""
        return len(await self._connection.fetch(_BURY_OLDEST, destination, most, status))

    async def died_lately(self, destination: str, within_s: float) -> bool:
        """Whether one of the destination's became a dead letter, by a transaction before this one."""
        return bool(await self._connection.fetchval(_DIED_LATELY, destination, within_s))

    async def due(self, kinds: Iterable[MessageKind]) -> set[MessageKind]:
        """Of these kinds those of which a message may wait to be claimed."""
        found = await self._connection.fetch(_DUE, [kind.value for kind in kinds])
        return {MessageKind(row["kind"]) for row in found}

    async def claim(self, kind: MessageKind, lease_s: float) -> Claimed | None:
        """The next that is due, None without one. Nobody else gets it until it is settled, or for lease_s seconds."""
        if kind is MessageKind.WEBHOOK:
            row = await self._connection.fetchrow(_CLAIM_WEBHOOK, lease_s, AWAY_AFTER)
        else:
            row = await self._connection.fetchrow(_CLAIM, kind.value, lease_s, kind.in_order)
        return None if row is None else Claimed(**row)

    async def finish(self, claimed: Claimed) -> bool:
        """It arrived. False: the lease is somebody else's by now."""
        return await self._connection.fetchval(_FINISH, claimed.id, claimed.lease_until) is not None

    async def put_off(self, claimed: Claimed, pause_s: float, status: str) -> bool:
        """It did not arrive. False: the lease is somebody else's by now."""
        row = await self._connection.fetchval(_PUT_OFF, claimed.id, claimed.lease_until, pause_s, status)
        return row is not None

    async def postpone(self, claimed: Claimed, pause_s: float, status: str) -> bool:
        """As put_off, and the try does not count."""
        row = await self._connection.fetchval(_POSTPONE, claimed.id, claimed.lease_until, pause_s, status)
        return row is not None

    async def bury(self, claimed: Claimed, status: str) -> bool:
        """It will never arrive. False: the lease is somebody else's by now."""
        return await self._connection.fetchval(_BURY, claimed.id, claimed.lease_until, status) is not None

    async def release(self, claimed: Claimed) -> bool:
        """It was not tried. False: the lease is somebody else's by now."""
        return await self._connection.fetchval(_RELEASE, claimed.id, claimed.lease_until) is not None

    async def levels(self) -> list[Backlog]:
        """Of what is waiting or dead."""
        return [Backlog(**row) for row in await self._connection.fetch(_COUNT)]

    async def list(
        self,
        kind: MessageKind | None,
        states: tuple[MessageState, ...],
        most: int,
        destination: str | None = None,
    ) -> list[Message]:
        """The newest first. None: of any."""
        rows = await self._connection.fetch(_LIST, None if kind is None else kind.value, states, most, destination)
        return [Message(**row) for row in rows]

    async def retry(self, message_id: int) -> bool:
        """Due now, also a dead letter. False: it has arrived, is on its way just now, or there is none."""
        return await self._connection.fetchval(_RETRY, message_id) is not None

    async def state_of(self, message_id: int) -> MessageState | None:
        state: MessageState | None = await self._connection.fetchval(_STATE, message_id)
        return state
