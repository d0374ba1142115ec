"""When an announced reset of second factors happens: each moment on the second itself (X8)."""

from typing import Literal

import pytest

from gateway.core.login.factor_reset import NOTICE_S, WAIT_S, Announced, Begin, NextStep, next_step

ASKED, TOLD = 1_000, 5_000
DUE = TOLD + WAIT_S
WAITING, DONE, DEAD, GONE = ("waiting", None), ("done", TOLD), ("dead", TOLD), ("gone", None)


@pytest.mark.parametrize(
    ("notice", "due_at", "now", "step"),
    [
        (WAITING, None, ASKED, "wait"),
        (WAITING, None, ASKED + NOTICE_S - 1, "wait"),
        (WAITING, None, ASKED + NOTICE_S, "stop"),
        (DEAD, None, ASKED, "stop"),
        (GONE, None, ASKED, "stop"),
        (DONE, None, TOLD, Begin(DUE)),
        (DONE, None, ASKED + NOTICE_S, Begin(DUE)),
        (DONE, DUE, DUE - 1, "wait"),
        (DONE, DUE, DUE, "reset"),
        (GONE, DUE, DUE - 1, "wait"),
        (GONE, DUE, DUE, "reset"),
    ],
)
def test_a_reset_waits_for_its_notice_and_then_a_day(
    notice: tuple[Literal["waiting", "done", "dead", "gone"], int | None], due_at: int | None, now: int, step: NextStep
) -> None:
    assert next_step(Announced(ASKED, due_at, *notice), now) == step
