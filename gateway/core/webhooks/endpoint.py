"""Owns an endpoint, where events go: its names, its address and secrets as they are stored, and when it counts as away.

The layout of what is stored is in rows, and the names are in the outbox and in audit entries: neither changes.
"""

import json
from base64 import b32encode, b64encode
from dataclasses import dataclass
from typing import Final

from gateway.core.outbox.kinds import FixedPauses, Pauses
from gateway.core.units import DAY_S, HOUR_S, MINUTE_S

SECRET_BYTES: Final = 32
ID_BYTES: Final = 5
# Before the last there are as many tries as steps, and one more.
STEPS: Final = FixedPauses(
    (5, 5 * MINUTE_S, 30 * MINUTE_S, 2 * HOUR_S, 5 * HOUR_S, 10 * HOUR_S, 14 * HOUR_S, 20 * HOUR_S, 24 * HOUR_S), 0.1
)
PROBES: Final = Pauses(first_s=30, longest_s=15 * MINUTE_S)
MOST_ENDPOINTS: Final = 200
AWAY_AFTER: Final = 5  # failures in a row; from then on it is probed
_GIVEN_UP_AFTER_S: Final = 5 * DAY_S
_SECRET_PREFIX: Final = "whsec_"


@dataclass(frozen=True, slots=True, repr=False)
class EndpointTarget:
    """What is encrypted. secret, before: as the receiver has them. before: the secret until the last rotation, which
    signs too until before_until (Unix seconds); "" without one.
    """

    url: str
    secret: str
    before: str = ""
    before_until: int = 0

    def written(self) -> bytes:
        values = {"url": self.url, "secret": self.secret, "before": self.before, "before_until": self.before_until}
        return json.dumps(values).encode()

    @classmethod
    def read(cls, raw: bytes) -> "EndpointTarget":
        return cls(**json.loads(raw))

    def rotated(self, secret: str, until: int) -> "EndpointTarget":
        """One before the last signs no more."""
        return EndpointTarget(self.url, secret, self.secret, until)

    def secrets(self, now: int) -> tuple[str, ...]:
        """Those that sign now, the newest first."""
        return (self.secret, self.before) if self.before and now < self.before_until else (self.secret,)


def secret_of(random: bytes) -> str:
    """As Standard Webhooks writes it. random: SECRET_BYTES."""
    return _SECRET_PREFIX + b64encode(random).decode()


def key_of(secret: str) -> str:
    """base64, without the prefix."""
    return secret.removeprefix(_SECRET_PREFIX)


def id_of(random: bytes) -> str:
    """random: ID_BYTES."""
    return f"ep_{b32encode(random).decode().lower()}"


def destination_of(endpoint_id: str) -> str:
    """In the outbox."""
    return f"endpoint/{endpoint_id}"


def is_given_up(failing_s: float) -> bool:
    """Failing for so long."""
    return failing_s >= _GIVEN_UP_AFTER_S
