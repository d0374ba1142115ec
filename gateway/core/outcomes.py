"""The words for how a decision ends: one list for policy files, metrics, log and audit."""

from typing import Final, Literal, get_args

Outcome = Literal["allow", "login", "step_up", "deny", "limited", "refused", "preflight", "unavailable"]
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
