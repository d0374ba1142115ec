"""Owns what can be asked of an assurance, as a value and as the text that a journey carries.

The text is in browsers for an hour: a part may be added, and none changes its meaning.
"""

import re
from dataclasses import dataclass
from typing import Final

from gateway.core.assurance.model import ACRS, METHODS, PWD, Assurance, acr_of, is_acr_at_least, told_bits

_TEXT: Final = re.compile(
    r"(?:(mfa)(?:;|$))?(?:acr=(1|2|phr|phrh)(?:;|$))?(?:within=([1-9][0-9]{0,8})(?:;|$))?"
    r"(?:since=([1-9][0-9]{0,10})(?:;|$))?(?:amr=([1-9][0-9]?)(?:;|$))?",
    re.ASCII,
)
_ANY_AGE_S: Final = 1 << 62
_OLD_WITHIN: Final = "authenticated:"
_ALL_METHODS: Final = sum(METHODS.values())


@dataclass(frozen=True, slots=True)
class Need:
    """acr "": any. within_s, since (Unix seconds), amr 0: not asked. amr: all of these bits.

    known False: a text that this version can't read, which nothing meets.
    """

    mfa: bool = False
    acr: str = ""
    within_s: int = 0
    since: int = 0
    amr: int = 0
    known: bool = True

    @property
    def asks_second(self) -> bool:
        """Whether a first factor alone never meets it."""
        return self.mfa or self.acr not in ("", "1") or (self.amr & ~PWD) != 0

    @property
    def text(self) -> str:
        """Canonical: read_need() gives the same need again. What the version before can say is said in its words."""
        assert self.known
        if self == Need(within_s=self.within_s) and self.within_s:
            return f"{_OLD_WITHIN}{self.within_s}"
        parts = (
            "mfa" if self.mfa else "",
            f"acr={self.acr}" if self.acr else "",
            f"within={self.within_s}" if self.within_s else "",
            f"since={self.since}" if self.since else "",
            f"amr={self.amr}" if self.amr else "",
        )
        return ";".join(part for part in parts if part)

    def and_also(self, other: "Need") -> "Need":
        """What meets both."""
        windows = [one for one in (self.within_s, other.within_s) if one]
        return Need(
            mfa=self.mfa or other.mfa,
            acr=max((self.acr, other.acr), key=lambda acr: ACRS.index(acr) if acr else -1),
            within_s=min(windows, default=0),
            since=max(self.since, other.since),
            amr=self.amr | other.amr,
            known=self.known and other.known,
        )


NOTHING: Final = Need()
_UNREADABLE: Final = Need(known=False)


def read_need(text: str) -> Need:
    """Total. `within=<seconds>` alone is read too."""
    if text.startswith(_OLD_WITHIN):
        text = f"within={text.removeprefix(_OLD_WITHIN)}"
    found = _TEXT.fullmatch(text)
    if found is None or text.endswith(";"):
        return _UNREADABLE
    mfa, acr, within, since, amr = found.groups()
    need = Need(mfa is not None, acr or "", int(within or 0), int(since or 0), int(amr or 0))
    return need if need.amr <= _ALL_METHODS else _UNREADABLE


def met(need: Need, assurance: Assurance, now: int) -> bool:
    """A window includes its last second. Where a second factor is asked for, both times have to be within.

    amr asks whether a method was ever proven in this login: only the last time of each factor is kept, not of each
    method.
    """
    if not need.known or lacks_methods(need, assurance):
        return False
    if need.acr and not is_acr_at_least(acr_of(assurance), need.acr):
        return False
    earliest = max(need.since, now - need.within_s if need.within_s else 0)
    if assurance.authenticated_at < earliest:
        return False
    return not need.asks_second or (assurance.mfa_at > 0 and assurance.mfa_at >= earliest)


def lacks_methods(need: Need, assurance: Assurance) -> bool:
    return (need.amr & ~told_bits(assurance.amr)) != 0


def said(need: Need) -> str:
    """For people who read a policy: "mfa, authenticated within 600 s"; "" where nothing is asked."""
    methods = " ".join(name for name, bit in METHODS.items() if need.amr & bit)
    parts = (
        "mfa" if need.mfa else "",
        f"acr {need.acr}" if need.acr else "",
        f"amr {methods}" if methods else "",
        f"authenticated within {need.within_s} s" if need.within_s else "",
    )
    return ", ".join(part for part in parts if part)


def ease(need: Need) -> tuple[int, int, int]:
    """Of two needs of policy the greater one asks less: no second factor, fewer methods, an older login."""
    return (0 if need.asks_second else 1, -need.amr.bit_count(), need.within_s or _ANY_AGE_S)
