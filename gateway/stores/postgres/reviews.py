"""Access reviews: lists that are frozen when a review begins, and what was decided of each line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from gateway.stores.postgres.database import AnyConnection

_ADD: Final = """
    INSERT INTO reviews (group_name, policy, begun_at, begun_by, due_at) VALUES ($1, $2, $3, $4, $5) RETURNING id
"""
_ADD_LINE: Final = """
    INSERT INTO review_lines (review_id, user_id, groups, state, last_login_at, opens)
    SELECT $1, $2, $3, $4, (SELECT max(created_at) FROM logins WHERE user_id = $2), $5
"""
_COLUMNS: Final = "id, group_name, policy, begun_at, begun_by, due_at, finished_at, finished_by"
_FIND: Final = f"SELECT {_COLUMNS} FROM reviews WHERE id = $1"  # noqa: S608 - constants
_LOCK: Final = f"{_FIND} FOR UPDATE"
_LIST: Final = f"SELECT {_COLUMNS} FROM reviews ORDER BY id"  # noqa: S608 - constants
_PAGE: Final = f"""
    SELECT {_COLUMNS} FROM reviews WHERE $1::bigint IS NULL OR id < $1 ORDER BY id DESC LIMIT $2
"""  # noqa: S608 - constants
_COUNT_UNDECIDED: Final = """
    SELECT count(*) FROM review_lines l JOIN users u ON u.id = l.user_id
     WHERE l.review_id = $1 AND l.decision IS NULL AND u.state <> 'erased'
"""
_LINES: Final = """
    SELECT user_id, groups, state, last_login_at, opens, decision, decided_by, decided_at
      FROM review_lines WHERE review_id = $1 ORDER BY user_id
"""
_PAGE_OF_LINES: Final = """
    SELECT user_id, groups, state, last_login_at, opens, decision, decided_by, decided_at
      FROM review_lines WHERE review_id = $1 AND ($2::uuid IS NULL OR user_id > $2) ORDER BY user_id LIMIT $3
"""
_DECIDE: Final = """
    UPDATE review_lines SET decision = $3, decided_by = $4, decided_at = $5
     WHERE review_id = $1 AND user_id = $2 AND decision IS NULL RETURNING user_id
"""
_FINISH: Final = "UPDATE reviews SET finished_at = $2, finished_by = $3 WHERE id = $1"


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """group "": everybody. policy: the version in force when it began. Unix seconds."""

    id: int
    group: str
    policy: str
    begun_at: int
    begun_by: str
    due_at: int
    finished_at: int | None
    finished_by: str | None


@dataclass(frozen=True, slots=True)
class ReviewLine:
    """As it was when the review began. opens: names of routes. decision: keep, remove, or None. Unix seconds."""

    user_id: UUID
    groups: tuple[str, ...]
    state: str
    last_login_at: int | None
    opens: tuple[str, ...]
    decision: str | None = None
    decided_by: UUID | None = None
    decided_at: int | None = None


class Reviews:
    """Bound to one connection."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def add(self, group: str, policy: str, begun_at: int, begun_by: str, due_at: int) -> int:
        """Its id."""
        return int(await self._connection.fetchval(_ADD, group, policy, begun_at, begun_by, due_at))

    async def add_line(
        self, review: int, user_id: UUID, groups: Sequence[str], state: str, opens: Sequence[str]
    ) -> None:
        """The last login is of the table of logins."""
        await self._connection.execute(_ADD_LINE, review, user_id, list(groups), state, list(opens))

    async def find(self, review: int) -> ReviewRow | None:
        row = await self._connection.fetchrow(_FIND, review)
        return None if row is None else _review(row)

    async def lock(self, review: int) -> ReviewRow | None:
        """As find(); nobody else decides or finishes it until the transaction ends."""
        row = await self._connection.fetchrow(_LOCK, review)
        return None if row is None else _review(row)

    async def list(self) -> Sequence[ReviewRow]:
        """The oldest first."""
        return [_review(row) for row in await self._connection.fetch(_LIST)]

    async def lines(self, review: int) -> Sequence[ReviewLine]:
        return [_line(row) for row in await self._connection.fetch(_LINES, review)]

    async def page(self, before: int | None, limit: int) -> Sequence[ReviewRow]:
        """The newest first. before: the last id of the page before."""
        return [_review(row) for row in await self._connection.fetch(_PAGE, before, limit)]

    async def page_of_lines(self, review: int, after: UUID | None, limit: int) -> Sequence[ReviewLine]:
        """after: the last person of the page before."""
        return [_line(row) for row in await self._connection.fetch(_PAGE_OF_LINES, review, after, limit)]

    async def count_undecided(self, review: int) -> int:
        """Without people who were erased since: nobody has to decide about them."""
        return int(await self._connection.fetchval(_COUNT_UNDECIDED, review))

    async def decide(self, review: int, user_id: UUID, decision: str, by: UUID, now: int) -> bool:
        """False: there is no such line, or it was decided before."""
        return await self._connection.fetchval(_DECIDE, review, user_id, decision, by, now) is not None

    async def finish(self, review: int, by: str, now: int) -> None:
        await self._connection.execute(_FINISH, review, now, by)


def _line(row: asyncpg.Record) -> ReviewLine:
    return ReviewLine(
        row["user_id"],
        tuple(row["groups"]),
        row["state"],
        row["last_login_at"],
        tuple(row["opens"]),
        row["decision"],
        row["decided_by"],
        row["decided_at"],
    )


def _review(row: asyncpg.Record) -> ReviewRow:
    return ReviewRow(
        row["id"],
        row["group_name"],
        row["policy"],
        row["begun_at"],
        row["begun_by"],
        row["due_at"],
        row["finished_at"],
        row["finished_by"],
    )
