"""All that the score of an attempt looks up, in one statement: attempts wait for connections when somebody guesses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.core.risk.profile import RiskProfile
from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.devices import UsedDevice
from gateway.stores.postgres.doubts import DOUBTED_S
from gateway.stores.postgres.failures import WINDOW_S
from gateway.stores.postgres.profiles import open_profile
from gateway.stores.postgres.vault import Vault

_MOST_FAILURES: Final = 32  # of one source; more count as so many
_RECALL: Final = """
    SELECT p.sealed, k.wrapped, d.first_at, d.last_at, d.logins,
           (SELECT coalesce(max(counted.count), 0)
              FROM unnest($4::text[]) AS given (source)
             CROSS JOIN LATERAL (
                   SELECT count(*)
                     FROM (SELECT 1 FROM login_failures f WHERE f.source = given.source AND f.at > $5 LIMIT $6) few
             ) counted) AS failures,
           EXISTS (SELECT 1 FROM password_doubts w JOIN users u ON u.id = w.user_id
                    WHERE w.user_id = $1 AND w.doubted_at > $7
                      AND w.compared = sha256(convert_to(u.password, 'UTF8'))) AS doubted
      FROM (SELECT $1::uuid AS user_id) who
      LEFT JOIN risk_profiles p USING (user_id)
      LEFT JOIN user_keys k USING (user_id)
      LEFT JOIN devices d ON d.user_id = who.user_id AND d.id = $2 AND d.last_at > $3
"""


@dataclass(frozen=True, slots=True)
class Recalled:
    """used None: the device is new to the person. failures: of the source that has most of them, within an hour.

    doubted: somebody else may know the password.
    """

    profile: RiskProfile
    used: UsedDevice | None
    failures: int
    doubted: bool


class Recall:
    """Bound to one connection."""

    def __init__(self, connection: AnyConnection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def of(self, user_id: UUID, device_id: bytes, since: int, sources: Sequence[str], now: int) -> Recalled:
        """Nobody, and a person without a history, cost the same steps (threats.md L5).

        device_id: of core/risk/device.py. since: devices that were used last then or before are forgotten. sources: as
        of LoginFailures. Unix seconds.
        """
        row = await self._connection.fetchrow(
            _RECALL, user_id, device_id, since, list(sources), now - WINDOW_S, _MOST_FAILURES, now - DOUBTED_S
        )
        assert row is not None
        used = None if row["first_at"] is None else UsedDevice(row["first_at"], row["last_at"], row["logins"])
        profile = open_profile(self._vault, user_id, row["sealed"], row["wrapped"])
        return Recalled(profile, used, row["failures"], row["doubted"])
