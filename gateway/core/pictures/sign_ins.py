"""What the strips of sign-ins show: how they ended, and in which band their risk score was."""

from collections.abc import Iterable, Sequence
from typing import Final

from gateway.core.pictures.spans import CountAt

RAISED_AT: Final = 40
HIGH_AT: Final = 70
BANDS: Final = (RAISED_AT, HIGH_AT)
_BANDS: Final = {
    "low": f"signed in, risk score below {RAISED_AT}",
    "raised": f"signed in, risk score {RAISED_AT} to {HIGH_AT - 1}",
    "high": f"signed in, risk score {HIGH_AT} or more",
    "unscored": "signed in, no risk score",
}
_OUTCOMES: Final = {"login_failed": "failed", "login_blocked": "refused with the right password"}
SHOWN: Final[Sequence[str]] = (*_BANDS.values(), *_OUTCOMES.values())


def named(found: Iterable[tuple[int, str, str, int]]) -> Iterable[CountAt]:
    """found: a time, the kind of the audit log, a band, how many."""
    for at, outcome, band, n in found:
        yield at, _OUTCOMES.get(outcome) or _BANDS[band], n
