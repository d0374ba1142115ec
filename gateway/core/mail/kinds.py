"""The kinds of mail that people get, and the words of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final


class MailKind(Enum):
    """The values are in stored rows: they never change."""

    TEST = "test"  # that an operator asked for


@dataclass(frozen=True, slots=True)
class Wording:
    """subject: it is shown on locked screens, so it holds no name and no secret. happened, advice: paragraphs."""

    subject: str
    happened: str
    advice: str


WORDING: Final[Mapping[MailKind, Wording]] = {
    MailKind.TEST: Wording(
        "Test message",
        "The operator of this site sent this message to see whether mail arrives.",
        "You do not have to do anything.",
    ),
}
