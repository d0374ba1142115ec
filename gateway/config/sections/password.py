"""Owns the section `password`."""

from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import Field, StrictInt, StrictStr

from gateway.config.setting import Finding, Grade, Section, setting
from gateway.core.password.rules import PasswordRules

_ASKED_LENGTH: Final = 15
_NIST: Final = "NIST SP 800-63B-4 section 3.1.1.2"
_PRODUCT: Final = "bastion"
Length = Annotated[StrictInt, Field(ge=8, le=64)]
_LENGTH: Final = "a whole number from 8 to 64"
Word = Annotated[StrictStr, Field(pattern=r"^[^\p{C}]{3,60}$")]


class PasswordSection(Section):
    """The rules for new passwords, on pages and in commands. Passwords that people have stay valid."""

    length: Length = setting(15, "The least characters of a password.", _LENGTH, kind="scalar")
    length_with_mfa: Length = setting(
        8, "The least characters for people who also prove a second factor.", _LENGTH, kind="scalar"
    )
    strength: Annotated[StrictInt, Field(ge=0, le=4)] = setting(
        3,
        "The least score of zxcvbn. 3: an attacker with the hash needs 10^8 guesses, 4: 10^10. 0: any. For people with "
        "a second factor at most 2 (10^6) is asked.",
        "a whole number from 0 to 4",
        kind="scalar",
    )
    words: tuple[Word, ...] = setting(
        (),
        "Words that attackers try first here, such as names of your organisation. They count as easy to guess, as the "
        "person's own names and `pages.name` do.",
        "a list of words of 3 to 60 characters",
        kind="list",
        example="[acme, springfield]",
    )
    history: Annotated[StrictInt, Field(ge=0, le=24)] = setting(
        5,
        "How many earlier passwords of a person are refused, besides the current one.",
        "a whole number from 0 to 24",
        kind="scalar",
    )
    classes: Annotated[StrictInt, Field(ge=0, le=4)] = setting(
        0,
        "How many of lower-case letters, upper-case letters, digits and other characters a password must have. 0: any.",
        "a whole number from 0 to 4",
        kind="scalar",
    )

    def findings(self) -> Iterator[Finding]:
        if self.length < _ASKED_LENGTH:
            yield _doubt("length", f"is less than {_ASKED_LENGTH}, the least that {_NIST} asks of a password alone")
        if self.length_with_mfa > self.length:
            message = "is more than password.length; expected at most that"
            yield Finding("password.length_with_mfa", message, Grade.WRONG)
        if self.classes:
            yield _doubt("classes", f"is a rule of composition, and {_NIST} forbids those: people answer with P4$$word")

    def rules(self, brand: str) -> PasswordRules:
        """brand: whose pages they are."""
        return PasswordRules(
            length=self.length,
            length_with_mfa=self.length_with_mfa,
            strength=self.strength,
            words=(_PRODUCT, brand, *self.words),
            classes=self.classes,
            history=self.history,
        )


def _doubt(key: str, message: str) -> Finding:
    return Finding(f"password.{key}", message, Grade.DOUBTFUL)
