"""The kinds of messages that leave this installation, and how each is tried again."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

_MOST_DOUBLINGS: Final = 16


class MessageKind(Enum):
    """The values are in stored rows: they never change."""

    CHECKPOINT = "checkpoint"  # of the audit log, for audit.checkpoint_webhook
    LOGOUT = "logout"  # of a person, for an app's backchannel_logout_uri

    @property
    def in_order(self) -> bool:
        """Whether a destination gets its messages one after the other, so that one that fails holds up the next."""
        return self is MessageKind.CHECKPOINT


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds before the next try; each is twice the one before."""

    first_s: float = 1.0
    longest_s: float = 60.0

    def after(self, tries: int) -> float:
        """After so many tries of one message, at least one."""
        return min(self.first_s * (1 << min(tries - 1, _MOST_DOUBLINGS)), self.longest_s)
