"""Decides when second factors of a person go that an operator has announced to remove (login-defence.md X8)."""

from dataclasses import dataclass
from typing import Final, Literal

from gateway.core.units import DAY_S

WAIT_S: Final = DAY_S
NOTICE_S: Final = 3 * DAY_S  # nobody was told by then: it does not happen


@dataclass(frozen=True, slots=True)
class Announced:
    """notice: what became of the message. told_at: when the mail server took it. Times are Unix seconds."""

    asked_at: int
    due_at: int | None
    notice: Literal["waiting", "done", "dead", "gone"]
    told_at: int | None


@dataclass(frozen=True, slots=True)
class Begin:
    """The wait begins, and ends then."""

    due_at: int


NextStep = Literal["wait", "stop", "reset"] | Begin


def next_step(announced: Announced, now: int) -> NextStep:
    """The wait begins when the mail server took the notice; where nobody takes it, the reset is stopped."""
    if announced.due_at is not None:
        return "reset" if now >= announced.due_at else "wait"
    if announced.notice == "done" and announced.told_at is not None:
        return Begin(announced.told_at + WAIT_S)
    return "wait" if announced.notice == "waiting" and now < announced.asked_at + NOTICE_S else "stop"
