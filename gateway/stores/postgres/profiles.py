"""What was learnt of people's logins, sealed under each person's key."""

from typing import Final
from uuid import UUID

from gateway.core.privacy.sealing import NOBODY, Place
from gateway.core.risk.places import Point
from gateway.core.risk.profile import Lesson, RiskProfile, learn, read_profile, write_profile
from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.vault import Vault

_FIND: Final = """
    SELECT p.sealed, k.wrapped FROM risk_profiles p LEFT JOIN user_keys k USING (user_id) WHERE p.user_id = $1
"""
_LOCK: Final = f"{_FIND} FOR UPDATE OF p"
_INSERT: Final = """
    INSERT INTO risk_profiles (user_id, sealed, last_at) VALUES ($1, $2, $3) ON CONFLICT (user_id) DO NOTHING
"""
_UPDATE: Final = "UPDATE risk_profiles SET sealed = $2, last_at = $3 WHERE user_id = $1"
_DELETE: Final = "DELETE FROM risk_profiles WHERE user_id = $1"
_PURGE: Final = "DELETE FROM risk_profiles WHERE last_at <= $1"


class Profiles:
    """Bound to one connection. Reading raises BrokenSeal, CorruptRow or CorruptProfile for a row that is not ours."""

    def __init__(self, connection: AnyConnection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def find(self, user_id: UUID) -> RiskProfile:
        """An empty one where there is none."""
        row = await self._connection.fetchrow(_FIND, user_id)
        return RiskProfile() if row is None else open_profile(self._vault, user_id, row["sealed"], row["wrapped"])

    async def hold(self, user_id: UUID, now: int) -> RiskProfile:
        """Nobody else changes it until the transaction ends; it is made where there is none."""
        row = await self._connection.fetchrow(_LOCK, user_id)
        if row is None:
            await self._connection.execute(_INSERT, user_id, await self._sealed(user_id, RiskProfile()), now)
            row = await self._connection.fetchrow(_LOCK, user_id)
        assert row is not None
        return open_profile(self._vault, user_id, row["sealed"], row["wrapped"])

    async def save(self, user_id: UUID, profile: RiskProfile) -> None:
        """Of one that is held."""
        await self._connection.execute(_UPDATE, user_id, await self._sealed(user_id, profile), profile.last_at)

    async def delete(self, user_id: UUID) -> None:
        """The next login counts as the first."""
        await self._connection.execute(_DELETE, user_id)

    async def purge(self, since: int) -> None:
        """Of everybody whose latest login was then or before. since: Unix seconds."""
        await self._connection.execute(_PURGE, since)

    async def _sealed(self, user_id: UUID, profile: RiskProfile) -> bytes:
        key = await self._vault.key_of(self._connection, user_id)
        return key.seal(_place(user_id), {"profile": write_profile(profile)})


def open_profile(vault: Vault, user_id: UUID, sealed: bytes | None, wrapped: bytes | None) -> RiskProfile:
    """sealed None: there is none; it is empty then, and costs the same steps (threats.md L5).

    Raises as Profiles does.
    """
    if sealed is None:
        vault.rehearse(_place(NOBODY), {"profile": _DECOY})
        return RiskProfile()
    return read_profile(vault.open(user_id, wrapped).unseal(_place(user_id), sealed)["profile"])


def _place(user_id: UUID) -> Place:
    return Place("risk_profiles", "sealed", user_id)


def _typical() -> RiskProfile:
    """About as long as that of somebody who logs in now and then."""
    profile, point = RiskProfile(), Point(52.52, 13.4, 20)
    for number in range(30):
        network, at = f"203.0.{number % 4}", 1_790_000_000 + number * 86_400
        lesson = Lesson("abcdefghijk", at, f"{network}.0/24", f"{network}.7", "DE", point, new_device=False)
        profile = learn(profile, lesson)
    return profile


_DECOY: Final = write_profile(_typical())
