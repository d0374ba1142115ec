"""What lets a person in, or proves who they are: no act of an administrator may change it (ui.md X12)."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from gateway.stores.postgres.factors import Factors
from tests.conftest import Pool

_ROWS: Final = [
    f"SELECT * FROM {table} WHERE user_id = $1 ORDER BY 1"
    for table in ("totp", "passkeys", "recovery_codes", "links", "factor_resets", "api_keys", "admin_roles")
]
# Beside the password: where links go, and mail, because notices go to the person's own address.
_MORE: Final = [
    "SELECT email_index, password FROM users WHERE id = $1",
    "SELECT * FROM outbox WHERE user_id = $1 AND kind = 'mail'",
]


async def give_factor(factors: Factors, user_id: UUID) -> None:
    await factors.add_app(user_id.bytes, user_id, b"s" * 20, 1)
    assert await factors.confirm_app(user_id.bytes, user_id, 1, 1)


async def proofs_of(pool: Pool, user_id: UUID) -> Sequence[object]:
    return [await pool.fetch(sql, user_id) for sql in _ROWS + _MORE]
