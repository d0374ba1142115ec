"""Second factors of people: one authenticator app that counts, one that waits to be confirmed, and one-time codes."""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from gateway.core.assurance.steps import RECOVERY_CODE, TOTP, FactorProof, passkey
from gateway.core.privacy.sealing import Place
from gateway.stores.postgres.vault import Vault

CodeKind = Literal["recovery", "operator", "operator_mail"]
FOR_FACTOR: Final[tuple[CodeKind, ...]] = ("recovery", "operator")  # stand in for one
FOR_MAIL: Final[tuple[CodeKind, ...]] = ("operator_mail",)  # stands in for a mailed code, and for no factor
_OF_OPERATORS: Final[tuple[CodeKind, ...]] = ("operator", "operator_mail")
# The time of one clock for the whole fleet: a step that one node takes for over is over on all of them.
_FIND_APP: Final = """
    SELECT t.id, t.sealed, t.created_at, t.confirmed_at, t.last_used_at, k.wrapped,
           floor(extract(epoch FROM clock_timestamp()))::bigint AS now
      FROM totp t LEFT JOIN user_keys k ON k.user_id = t.user_id
     WHERE t.user_id = $1 AND (t.confirmed_at IS NOT NULL) = $2
"""
_LIST_PASSKEYS: Final = """
    SELECT DISTINCT device_bound, alone, suspended_at IS NULL AS counts FROM passkeys WHERE user_id = $1
"""
_INSERT_APP: Final = "INSERT INTO totp (id, user_id, sealed, created_at) VALUES ($1, $2, $3, $4)"
_CLAIM_STEP: Final = """
    UPDATE totp SET last_step = $2, last_used_at = $3 WHERE id = $1 AND last_step < $2 RETURNING id
"""
_CONFIRM_APP: Final = """
    UPDATE totp SET confirmed_at = $3, last_step = $2 WHERE id = $1 AND confirmed_at IS NULL RETURNING id
"""
_DELETE_APP: Final = "DELETE FROM totp WHERE user_id = $1 AND (confirmed_at IS NOT NULL) = $2 RETURNING id"
_INSERT_CODES: Final = """
    INSERT INTO recovery_codes (hash, user_id, kind, created_at, expires_at)
    SELECT unnest($1::bytea[]), $2, $3, $4, $5
"""
_DELETE_CODES: Final = "DELETE FROM recovery_codes WHERE user_id = $1 AND kind = ANY($2::text[]) AND created_at > $3"
_USE_CODE: Final = """
    UPDATE recovery_codes SET used_at = $3
     WHERE hash = $1 AND user_id = $2 AND used_at IS NULL AND (expires_at IS NULL OR expires_at > $3)
       AND kind = ANY($4::text[])
    RETURNING kind
"""
_COUNT_CODES: Final = """
    SELECT count(*) FILTER (WHERE kind = 'recovery') AS recovery, count(*) FILTER (WHERE kind = 'operator') AS operator,
           count(*) FILTER (WHERE kind = 'operator_mail') AS operator_mail
      FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL AND (expires_at IS NULL OR expires_at > $2)
"""


@dataclass(frozen=True, slots=True, repr=False)
class AuthenticatorRow:
    """An authenticator app. now: of Postgres, Unix seconds. repr is left out: it holds the secret."""

    id: bytes
    secret: bytes
    created_at: int
    confirmed_at: int | None
    last_used_at: int | None
    now: int


@dataclass(frozen=True, slots=True)
class CodesLeft:
    """Codes that were not used yet. operator: in place of a factor; operator_mail: of a mailed code."""

    recovery: int
    operator: int
    operator_mail: int


class Factors:
    """Bound to one connection. Who changes something locks the person first (Users.begin_change).

    now: Unix seconds. Reading an app raises BrokenSeal or CorruptRow.
    """

    def __init__(self, connection: "PoolConnectionProxy[asyncpg.Record]", vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def app(self, user_id: UUID, *, confirmed: bool = True) -> AuthenticatorRow | None:
        """The one that counts, or the one that waits."""
        row = await self._connection.fetchrow(_FIND_APP, user_id, confirmed)
        if row is None:
            return None
        personal = self._vault.open(user_id, row["wrapped"]).unseal(_place(user_id), row["sealed"])
        return AuthenticatorRow(
            id=row["id"],
            secret=b64decode(personal["secret"]),
            created_at=row["created_at"],
            confirmed_at=row["confirmed_at"],
            last_used_at=row["last_used_at"],
            now=row["now"],
        )

    async def codes_left(self, user_id: UUID, now: int) -> CodesLeft:
        row = await self._connection.fetchrow(_COUNT_CODES, user_id, now)
        assert row is not None
        return CodesLeft(row["recovery"], row["operator"], row["operator_mail"])

    async def enrolled(self, user_id: UUID, now: int) -> frozenset[FactorProof]:
        """What the person has enrolled. Codes are no factor by themselves: they stand in for one.

        Where every passkey is suspended, a code is asked for, also if none is left: whoever has a copy of a passkey
        must not turn the second factor off by using it (threats.md L24).
        """
        rows = await self._connection.fetch(_LIST_PASSKEYS, user_id)
        live = {passkey(device_bound=row["device_bound"], verified=row["alone"]) for row in rows if row["counts"]}
        if await self.app(user_id) is not None:
            live.add(TOTP)
        if not live and not rows:
            return frozenset()
        left = await self.codes_left(user_id, now)
        return frozenset(live | {RECOVERY_CODE} if left.recovery or left.operator or not live else live)

    async def add_app(self, app_id: bytes, user_id: UUID, secret: bytes, now: int) -> None:
        """It waits, in the place of another one that did."""
        key = await self._vault.key_of(self._connection, user_id)
        sealed = key.seal(_place(user_id), {"secret": b64encode(secret).decode()})
        await self._connection.execute(_DELETE_APP, user_id, False)
        await self._connection.execute(_INSERT_APP, app_id, user_id, sealed, now)

    async def drop_app_after(self, user_id: UUID, after: int) -> bool:
        """One that was confirmed later than that, Unix seconds, and any that waits. False: none counted so late."""
        await self._connection.execute(_DELETE_APP, user_id, False)
        app = await self.app(user_id)
        is_late = app is not None and app.confirmed_at is not None and app.confirmed_at > after
        return is_late and await self.remove_app(user_id)

    async def claim_step(self, app_id: bytes, step: int, now: int) -> bool:
        """False: this step, or a later one, was used. Of many at once one is first (threats.md R3)."""
        return await self._connection.fetchval(_CLAIM_STEP, app_id, step, now) is not None

    async def confirm_app(self, app_id: bytes, user_id: UUID, step: int, now: int) -> bool:
        """It counts in the place of the one before. step: that was proven, and is used by that."""
        await self._connection.execute(_DELETE_APP, user_id, True)
        return await self._connection.fetchval(_CONFIRM_APP, app_id, step, now) is not None

    async def remove_app(self, user_id: UUID) -> bool:
        """Also one that waits. False: none counted."""
        await self._connection.execute(_DELETE_APP, user_id, False)
        return await self._connection.fetchval(_DELETE_APP, user_id, True) is not None

    async def remove_codes(self, user_id: UUID) -> None:
        """All that could stand in for a factor, those of operators too."""
        await self._connection.execute(_DELETE_CODES, user_id, [*FOR_FACTOR, *FOR_MAIL], 0)

    async def remove_operator_codes(self, user_id: UUID) -> None:
        await self._connection.execute(_DELETE_CODES, user_id, list(_OF_OPERATORS), 0)

    async def remove_recovery_codes(self, user_id: UUID, after: int) -> None:
        """Those that were made later than that, Unix seconds."""
        await self._connection.execute(_DELETE_CODES, user_id, ["recovery"], after)

    async def replace_codes(self, user_id: UUID, hashes: Sequence[bytes], now: int) -> None:
        """Recovery codes in the place of all before, used or not."""
        await self.remove_recovery_codes(user_id, 0)
        await self._connection.execute(_INSERT_CODES, list(hashes), user_id, "recovery", now, None)

    async def drop_codes_of_none(self, user_id: UUID, now: int) -> None:
        """Recovery codes go with the last factor."""
        if not await self.enrolled(user_id, now):
            await self.remove_codes(user_id)

    async def add_operator_code(
        self, user_id: UUID, code_hash: bytes, kind: CodeKind, now: int, expires_at: int
    ) -> None:
        """In the place of one before."""
        await self.remove_operator_codes(user_id)
        await self._connection.execute(_INSERT_CODES, [code_hash], user_id, kind, now, expires_at)

    async def use_code(self, user_id: UUID, code_hash: bytes, kinds: tuple[CodeKind, ...], now: int) -> CodeKind | None:
        """kinds: FOR_FACTOR or FOR_MAIL. None: it is none of this person's that counts. Of many one is first."""
        kind: CodeKind | None = await self._connection.fetchval(_USE_CODE, code_hash, user_id, now, list(kinds))
        return kind


def _place(user_id: UUID) -> Place:
    return Place("totp", "sealed", user_id)
