"""The words for how a decision ends, and what comes of a DPoP proof: one list for policy files, metrics, log, audit."""

from typing import Final, Literal, get_args

Outcome = Literal["allow", "login", "step_up", "deny", "limited", "refused", "preflight", "unavailable"]
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
ProofOutcome = Literal["accepted", "invalid", "stale_nonce", "untimely", "replayed"]
PROOF_OUTCOMES: Final[tuple[ProofOutcome, ...]] = get_args(ProofOutcome)
