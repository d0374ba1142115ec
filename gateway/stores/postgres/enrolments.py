"""By when people have to have a second factor, whose groups ask for one."""

from typing import Final
from uuid import UUID

from gateway.stores.postgres.database import AnyConnection

# The person's row is not written: whoever signs in shares it with others who do.
_BEGIN: Final = """
    WITH begun AS (
        INSERT INTO enrolments_due (user_id, due_at) VALUES ($1, $2) ON CONFLICT (user_id) DO NOTHING RETURNING due_at)
    SELECT due_at FROM begun UNION ALL SELECT due_at FROM enrolments_due WHERE user_id = $1
"""


class EnrolmentsDue:
    """Bound to one connection. Times are Unix seconds."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def begin(self, user_id: UUID, due_at: int) -> int:
        """When it is due; due_at where nobody asked this person before."""
        found: int | None = await self._connection.fetchval(_BEGIN, user_id, due_at)
        return due_at if found is None else found  # another worker has just begun it
