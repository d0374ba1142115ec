"""The kinds of messages that leave this installation, and how each is tried again."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

_MOST_DOUBLINGS: Final = 16
_SPREAD: Final = 16


class MessageKind(Enum):
    """The values are in stored rows: they never change."""

    CHECKPOINT = "checkpoint"  # of the audit log, for audit.checkpoint_webhook
    LOGOUT = "logout"  # of a person, for an app's backchannel_logout_uri
    MAIL = "mail"  # that somebody waits for: codes, links, and what a person can undo (login-defence.md X8)
    NOTICE = "notice"  # all other mail: however much of it waits, it holds up none of the above
    WEBHOOK = "webhook"  # an entry of the audit log, for an endpoint

    VOID = "void"  # that nobody gets: it costs what mail costs, where nobody may tell whether there was any

    @property
    def is_sent(self) -> bool:
        return self is not MessageKind.VOID

    @property
    def in_order(self) -> bool:
        """Whether a destination gets its messages one after the other, so that one that fails holds up the next."""
        return self is MessageKind.CHECKPOINT


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds before the next try; each is twice the one before. jitter: by which share of itself it is longer at most,
    so that messages that failed together do not come back together.
    """

    first_s: float = 1.0
    longest_s: float = 60.0
    jitter: float = 0.0

    def after(self, tries: int, message_id: int = 0) -> float:
        """After so many tries of one message, at least one."""
        pause_s = min(self.first_s * (1 << min(tries - 1, _MOST_DOUBLINGS)), self.longest_s)
        return _spread(pause_s, self.jitter, message_id)


@dataclass(frozen=True, slots=True)
class FixedPauses:
    """Seconds before the next try, one for each; after the last the message is no longer tried. jitter: as Pauses."""

    each_s: tuple[float, ...]
    jitter: float = 0.0

    @property
    def longest_s(self) -> float:
        return max(self.each_s)

    def after(self, tries: int, message_id: int = 0) -> float | None:
        """After so many tries of one message, at least one. None: it is over."""
        if tries > len(self.each_s):
            return None
        return _spread(self.each_s[tries - 1], self.jitter, message_id)


def _spread(pause_s: float, jitter: float, message_id: int) -> float:
    return pause_s * (1 + jitter * (message_id % _SPREAD) / _SPREAD)
