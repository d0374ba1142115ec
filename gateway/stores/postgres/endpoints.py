"""Keeps where webhooks go, and how far each endpoint has come in the audit log. Times are of Postgres' clock."""

from dataclasses import dataclass
from typing import Final, Literal

import asyncpg

from gateway.core.webhooks.endpoint import EndpointTarget, destination_of
from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.vault import Vault

EndpointState = Literal["active", "paused"]
_LOCK_TABLE: Final = "LOCK TABLE endpoints IN SHARE ROW EXCLUSIVE MODE"
_COUNT: Final = "SELECT count(*) FROM endpoints"
_INSERT: Final = """
    INSERT INTO endpoints (id, wrapped, master_id, filter, ordered, personal, cursor)
    VALUES ($1, $2, $3, $4, $5, $6, (SELECT coalesce(max(position), 0) FROM audit_links))
"""
_COLUMNS: Final = """
    SELECT id, wrapped, filter, ordered, personal, state, why, cursor, failures,
           coalesce(extract(epoch FROM now() - failing_since)::float8, 0) AS failing_s,
           coalesce(extract(epoch FROM held_until - now())::float8, 0) AS held_s
      FROM endpoints
"""
_SELECT: Final = f"{_COLUMNS} WHERE id = $1"
_SELECT_ALL: Final = f"{_COLUMNS} ORDER BY made_at, id"
_LOCK: Final = f"{_COLUMNS} WHERE id = $1 FOR UPDATE"
_SELECT_BEHIND: Final = """
    SELECT id FROM endpoints
     WHERE state = 'active' AND cursor < (SELECT coalesce(max(position), 0) FROM audit_links) ORDER BY id
"""
_MOVE: Final = "UPDATE endpoints SET cursor = $2 WHERE id = $1"
_REWRITE: Final = "UPDATE endpoints SET wrapped = $2, master_id = $3 WHERE id = $1"
_PAUSE: Final = "UPDATE endpoints SET state = 'paused', why = $2 WHERE id = $1"
_RESUME: Final = """
    UPDATE endpoints SET state = 'active', why = '', failures = 0, failing_since = NULL, held_until = NULL WHERE id = $1
"""
_PASS: Final = "UPDATE endpoints SET failures = 0, failing_since = NULL, held_until = NULL WHERE id = $1"
_FAIL: Final = """
    UPDATE endpoints SET failures = failures + 1, failing_since = coalesce(failing_since, now()) WHERE id = $1
"""
_HOLD: Final = """
    UPDATE endpoints SET held_until = greatest(held_until, now() + make_interval(secs => $2)) WHERE id = $1
"""
_DELETE: Final = "DELETE FROM endpoints WHERE id = $1"
_LEVELS: Final = """
    SELECT e.id, e.state, e.failures,
           (SELECT count(*) FROM outbox o WHERE o.destination = 'endpoint/' || e.id AND o.state = 'waiting')
           + greatest(0, (SELECT coalesce(max(position), 0) FROM audit_links) - e.cursor) AS behind
      FROM endpoints e
"""


@dataclass(frozen=True, slots=True, repr=False)
class WebhookEndpoint:
    """filter: words of core/webhooks/filter.py. cursor: what lies behind this position is yet to be offered to it.

    failures: in a row, for failing_s seconds. held_s: nothing is sent to it for so long.
    """

    id: str
    target: EndpointTarget
    filter: tuple[str, ...]
    ordered: bool
    personal: bool
    state: EndpointState
    why: str
    cursor: int
    failures: int
    failing_s: float
    held_s: float

    @property
    def destination(self) -> str:
        return destination_of(self.id)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NewWebhookEndpoint:
    """As WebhookEndpoint has them."""

    id: str
    target: EndpointTarget
    filter: tuple[str, ...]
    ordered: bool
    personal: bool


@dataclass(frozen=True, slots=True)
class EndpointLevel:
    """behind: entries that it has not been offered yet, and messages that wait."""

    id: str
    state: EndpointState
    failures: int
    behind: int


class Endpoints:
    """Bound to one connection."""

    def __init__(self, connection: AnyConnection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def add(self, new: NewWebhookEndpoint, most: int) -> bool:
        """It gets what is linked from now on. False: there are as many as there may be."""
        await self._connection.execute(_LOCK_TABLE)
        if await self._connection.fetchval(_COUNT) >= most:
            return False
        await self._connection.execute(
            _INSERT, new.id, *self._wrapped(new.id, new.target), new.filter, new.ordered, new.personal
        )
        return True

    async def all(self) -> list[WebhookEndpoint]:
        """The oldest first."""
        return [self._read(row) for row in await self._connection.fetch(_SELECT_ALL)]

    async def find(self, endpoint_id: str) -> WebhookEndpoint | None:
        row = await self._connection.fetchrow(_SELECT, endpoint_id)
        return None if row is None else self._read(row)

    async def lock(self, endpoint_id: str) -> WebhookEndpoint | None:
        """Nobody else changes it before the transaction ends."""
        row = await self._connection.fetchrow(_LOCK, endpoint_id)
        return None if row is None else self._read(row)

    async def behind(self) -> list[str]:
        """Those that are active and that the chain has gone on without."""
        return [row["id"] for row in await self._connection.fetch(_SELECT_BEHIND)]

    async def move(self, endpoint_id: str, cursor: int) -> None:
        await self._connection.execute(_MOVE, endpoint_id, cursor)

    async def rewrite(self, endpoint_id: str, target: EndpointTarget) -> None:
        await self._connection.execute(_REWRITE, endpoint_id, *self._wrapped(endpoint_id, target))

    async def pause(self, endpoint_id: str, why: str) -> None:
        await self._connection.execute(_PAUSE, endpoint_id, why)

    async def resume(self, endpoint_id: str) -> None:
        """As if it had never failed."""
        await self._connection.execute(_RESUME, endpoint_id)

    async def passed(self, endpoint_id: str) -> None:
        """A message has arrived."""
        await self._connection.execute(_PASS, endpoint_id)

    async def failed(self, endpoint_id: str) -> WebhookEndpoint | None:
        """A message has not arrived. How it stands now; it is locked. None: it is gone."""
        await self._connection.execute(_FAIL, endpoint_id)
        return await self.lock(endpoint_id)

    async def hold(self, endpoint_id: str, pause_s: float) -> None:
        """Nothing is sent to it for so long, or for longer if that was said before."""
        await self._connection.execute(_HOLD, endpoint_id, pause_s)

    async def remove(self, endpoint_id: str) -> None:
        await self._connection.execute(_DELETE, endpoint_id)

    async def levels(self) -> list[EndpointLevel]:
        return [EndpointLevel(**row) for row in await self._connection.fetch(_LEVELS)]

    def _read(self, row: asyncpg.Record) -> WebhookEndpoint:
        values = dict(row)
        wrapped, words = values.pop("wrapped"), values.pop("filter")
        target = EndpointTarget.read(self._vault.unwrap_secret(_place(row["id"]), wrapped))
        return WebhookEndpoint(target=target, filter=tuple(words), **values)

    def _wrapped(self, endpoint_id: str, target: EndpointTarget) -> tuple[bytes, str]:
        wrapped = self._vault.wrap_secret(_place(endpoint_id), target.written())
        return wrapped.token, wrapped.master_id


def _place(endpoint_id: str) -> bytes:
    return f"endpoints\0{endpoint_id}\0".encode()
