"""Which passwords a person may choose, and the words for what is wrong with one."""

import unicodedata
from dataclasses import dataclass
from enum import Enum
from typing import Final

from gateway.core.password.strength import guessed_by_few, related
from gateway.core.privacy.names import spelled

MOST_CHARS: Final = 1024
_CONTROLS: Final = ("Cc", "Cs")
_SCORE_WITH_MFA: Final = 2
_UPPER: Final = ("Lu", "Lt")


class Rule(Enum):
    """Which one a password breaks."""

    LENGTH = "length"
    LINE = "line"
    NAME = "name"
    CLASSES = "classes"
    STRENGTH = "strength"
    HISTORY = "history"
    BREACHED = "breached"


@dataclass(frozen=True, slots=True)
class Complaint:
    """words: a sentence for the person. It doesn't repeat the password."""

    rule: Rule
    words: str


@dataclass(frozen=True, slots=True)
class PasswordRules:
    """length: code points after NFKC. strength: the least score of zxcvbn, 0: any. words: those of the product and its
    operator. classes: how many of lower-case, upper-case, digits and others. history: how many former ones are
    compared besides the current one.
    """

    length: int = 15
    length_with_mfa: int = 8
    strength: int = 3
    words: tuple[str, ...] = ("bastion",)
    classes: int = 0
    history: int = 5

    def least_chars(self, *, has_factor: bool) -> int:
        """has_factor: the person also proves a second factor (SP 800-63B-4 section 3.1.1.2)."""
        return self.length_with_mfa if has_factor else self.length

    def least_score(self, *, has_factor: bool) -> int:
        """No eight characters reach more than 2 (10^8 guesses), so no more is asked beside a second factor."""
        return min(self.strength, _SCORE_WITH_MFA) if has_factor else self.strength


DEFAULT_RULES: Final = PasswordRules()


def normal(password: str) -> str:
    """One form for what differs only by keyboard or system (SP 800-63B-4 section 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def judge(password: str, owner: tuple[str, ...], rules: PasswordRules, *, has_factor: bool) -> tuple[Complaint, ...]:
    """All that is wrong with it, but for history and breaches. owner: the person's names and e-mail address.

    Costs up to 3 ms of CPU.
    """
    chosen = normal(password)
    wrong = _form(password, chosen, rules.least_chars(has_factor=has_factor))
    if wrong:
        return wrong
    if spelled(password) in {spelled(name) for name in owner if name}:
        return (Complaint(Rule.NAME, "The password must not be your user name, your name or your e-mail address."),)
    least_score = rules.least_score(has_factor=has_factor)
    return (*_classes(chosen, rules.classes), *_strength(chosen, owner + rules.words, least_score))


def _form(password: str, chosen: str, least: int) -> tuple[Complaint, ...]:
    if any(unicodedata.category(character) in _CONTROLS for character in password):
        return (Complaint(Rule.LINE, "The password must be one line without control characters."),)
    if len(password) > MOST_CHARS:
        return (Complaint(Rule.LENGTH, f"The password must have at most {MOST_CHARS} characters."),)
    if len(chosen) < least:
        return (Complaint(Rule.LENGTH, f"The password must have at least {least} characters; this has {len(chosen)}."),)
    return ()


def _classes(chosen: str, least: int) -> tuple[Complaint, ...]:
    if len({_class_of(character) for character in chosen}) >= least:
        return ()
    kinds = "lower-case letters, upper-case letters, digits and other characters"
    needed = "all of" if least == len(_Class) else f"at least {least} of"
    return (Complaint(Rule.CLASSES, f"The password must have {needed}: {kinds}."),)


class _Class(Enum):
    LOWER = 1
    UPPER = 2
    DIGIT = 3
    OTHER = 4


def _class_of(character: str) -> _Class:
    """Letters without case, as of Chinese, are others."""
    category = unicodedata.category(character)
    if category == "Ll":
        return _Class.LOWER
    if category in _UPPER:
        return _Class.UPPER
    return _Class.DIGIT if category == "Nd" else _Class.OTHER


def _strength(chosen: str, words: tuple[str, ...], least_score: int) -> tuple[Complaint, ...]:
    hint = guessed_by_few(chosen, related(words), least_score)
    return () if hint is None else (Complaint(Rule.STRENGTH, f"The password is too easy to guess. {hint}"),)
