"""Logins whose password was right and that wait for more: rows that nobody is signed in by."""

import json
from dataclasses import asdict, dataclass
from typing import Final, Literal, TypeAlias, cast
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from gateway.core.assurance.steps import FactorProof
from gateway.core.password.breached import BreachVerdict
from gateway.core.privacy.sealing import Place
from gateway.stores.postgres.vault import Vault

MOST_TRIES: Final = 5
WaitsFor: TypeAlias = Literal["factor", "code", "release", "change", "reset"]
_PURGED_AT_ONCE: Final = 1_000
_INSERT_ATTEMPT: Final = """
    INSERT INTO attempts (hash, user_id, compared, persistent, expires_at, sealed, waits_for, mail_code)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_COLUMNS: Final = "a.hash, a.user_id, a.compared, a.persistent, a.tries, a.waits_for, a.mail_code, a.sealed, k.wrapped"
_FIND_ATTEMPT: Final = f"""
    SELECT {_COLUMNS} FROM attempts a LEFT JOIN user_keys k ON k.user_id = a.user_id
     WHERE a.hash = $1 AND a.expires_at > $2 AND a.tries < $3 AND a.waits_for <> 'reset'
"""  # noqa: S608 - constants
_LOCK_ATTEMPT: Final = f"{_FIND_ATTEMPT} FOR UPDATE OF a"
_COUNT_TRY: Final = "UPDATE attempts SET tries = tries + 1 WHERE hash = $1 RETURNING tries"
_DELETE_ATTEMPT: Final = "DELETE FROM attempts WHERE hash = $1"
_DELETE_OF_PERSON: Final = "DELETE FROM attempts WHERE user_id = $1"
_DELETE_OVER: Final = """
    DELETE FROM attempts WHERE hash IN (SELECT hash FROM attempts WHERE expires_at <= $1 LIMIT $2)
    RETURNING user_id, compared, waits_for
"""
_RELEASE: Final = """
    UPDATE attempts SET released_until = $3, expires_at = greatest(expires_at, $3)
     WHERE hash = $1 AND waits_for = 'release' AND expires_at > $2 RETURNING hash
"""
_IS_RELEASED: Final = """
    SELECT 1 FROM attempts WHERE hash = $1 AND user_id = $2 AND compared = $3 AND released_until > $4
"""

_TAKE_RESET: Final = """
    DELETE FROM attempts
     WHERE hash = $1 AND user_id = $2 AND compared = $3 AND expires_at > $4 AND waits_for = 'reset'
    RETURNING hash
"""


@dataclass(frozen=True, slots=True)
class OverAttempt:
    """One that nobody completed. compared, waits_for: as of NewAttempt."""

    user_id: UUID
    compared: bytes
    waits_for: WaitsFor


@dataclass(frozen=True, slots=True, repr=False)
class NewAttempt:
    """hash: SHA-256 of what the browser has. compared: of the stored password that matched. name: as it was typed.

    verdict: whether the password is a breached one. waits_for: a second factor; a code that confirms the login and is
    none; of a blocked login, that its person says that it is theirs; a password in place of a breached one; or, after
    a new password by a mailed link, the next login in this browser.
    mail_code: HMAC of the mailed code, None: none was mailed. proofs, confirmed: beside the password, before it waits
    for a change. repr is left out: the name is personal.
    """

    hash: bytes
    user_id: UUID
    compared: bytes
    persistent: bool
    name: str
    verdict: BreachVerdict
    expires_at: int
    waits_for: WaitsFor = "factor"
    mail_code: bytes | None = None
    proofs: tuple[FactorProof, ...] = ()
    confirmed: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class AttemptRow:
    """One that may be completed. tries: wrong proofs so far."""

    hash: bytes
    user_id: UUID
    compared: bytes
    persistent: bool
    name: str
    verdict: BreachVerdict
    tries: int
    waits_for: WaitsFor
    mail_code: bytes | None
    proofs: tuple[FactorProof, ...]
    confirmed: bool


class Attempts:
    """Bound to one connection. now: Unix seconds. Reading raises BrokenSeal or CorruptRow."""

    def __init__(self, connection: "PoolConnectionProxy[asyncpg.Record]", vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def add(self, new: NewAttempt) -> None:
        key = await self._vault.key_of(self._connection, new.user_id)
        proven = json.dumps([asdict(proof) for proof in new.proofs])
        values = {
            "name": new.name,
            "verdict": new.verdict,
            "proven": proven,
            "confirmed": "yes" if new.confirmed else "",
        }
        sealed = key.seal(_place(new.user_id), values)
        await self._connection.execute(
            _INSERT_ATTEMPT,
            new.hash,
            new.user_id,
            new.compared,
            new.persistent,
            new.expires_at,
            sealed,
            new.waits_for,
            new.mail_code,
        )

    async def find(self, attempt_hash: bytes, now: int) -> AttemptRow | None:
        """None: it never was, is completed, is too old, or had MOST_TRIES wrong proofs."""
        return self._row(await self._connection.fetchrow(_FIND_ATTEMPT, attempt_hash, now, MOST_TRIES))

    async def hold(self, attempt_hash: bytes, now: int) -> AttemptRow | None:
        """find, and nobody else completes or counts it until the transaction ends."""
        return self._row(await self._connection.fetchrow(_LOCK_ATTEMPT, attempt_hash, now, MOST_TRIES))

    async def count_try(self, attempt_hash: bytes) -> int:
        """How many wrong proofs it had, with this one."""
        tries: int = await self._connection.fetchval(_COUNT_TRY, attempt_hash)
        return tries

    async def delete(self, attempt_hash: bytes) -> None:
        await self._connection.execute(_DELETE_ATTEMPT, attempt_hash)

    async def delete_of(self, user_id: UUID) -> None:
        """All of a person. Who changes the person does it by Users."""
        await self._connection.execute(_DELETE_OF_PERSON, user_id)

    async def release(self, attempt_hash: bytes, now: int, until: int) -> bool:
        """Its browser may try again. False: there is no blocked one any more, or what it rested on has changed."""
        return await self._connection.fetchval(_RELEASE, attempt_hash, now, until) is not None

    async def is_released(self, attempt_hash: bytes, user_id: UUID, compared: bytes, now: int) -> bool:
        """Whether this person said so of the browser, and the password is still the one that was blocked."""
        return await self._connection.fetchval(_IS_RELEASED, attempt_hash, user_id, compared, now) is not None

    async def take_reset(self, attempt_hash: bytes, user_id: UUID, compared: bytes, now: int) -> bool:
        """Whether this browser chose this very password by a mailed link; True once."""
        return await self._connection.fetchval(_TAKE_RESET, attempt_hash, user_id, compared, now) is not None

    async def purge(self, now: int) -> list[OverAttempt]:
        """Those that were over and are gone now; of many, some."""
        rows = await self._connection.fetch(_DELETE_OVER, now, _PURGED_AT_ONCE)
        return [OverAttempt(row["user_id"], row["compared"], row["waits_for"]) for row in rows]

    def _row(self, row: asyncpg.Record | None) -> AttemptRow | None:
        if row is None:
            return None
        user_id: UUID = row["user_id"]
        personal = self._vault.open(user_id, row["wrapped"]).unseal(_place(user_id), row["sealed"])
        return AttemptRow(
            hash=row["hash"],
            user_id=user_id,
            compared=row["compared"],
            persistent=row["persistent"],
            name=personal["name"],
            verdict=cast("BreachVerdict", personal["verdict"]),
            tries=row["tries"],
            waits_for=row["waits_for"],
            mail_code=row["mail_code"],
            proofs=tuple(FactorProof(**proof) for proof in json.loads(personal.get("proven", "[]"))),
            confirmed=bool(personal.get("confirmed", "")),
        )


def _place(user_id: UUID) -> Place:
    return Place("attempts", "sealed", user_id)
