"""What a page says that refuses a change: what the login has to prove first, and where."""

from dataclasses import dataclass
from typing import Final

from gateway.core.assurance.change import CodeNeeded, Lacking

CONFIRM_PATH: Final = "/account/confirm"
ENROL_PATH: Final = "/enrol"
DOCUMENTS_PATH: Final = "/documents"
STEP_UP_PATH: Final = "/login/step-up"
ACCOUNT_PAGES: Final = ("security", "password", "email", "keys", "privacy")


@dataclass(frozen=True, slots=True)
class ToProve:
    """code: a mailed or an operator's. mfa: a second factor too. way: the page that takes the proof."""

    code: bool
    mfa: bool
    way: str


def to_prove(lacks: Lacking | None, back: str) -> ToProve | None:
    """back: of ACCOUNT_PAGES. None: nothing."""
    match lacks:
        case None:
            return None
        case CodeNeeded():
            return ToProve(code=True, mfa=False, way=f"{CONFIRM_PATH}?back={back}")
        case need:
            return ToProve(code=False, mfa=need.mfa, way=STEP_UP_PATH)
