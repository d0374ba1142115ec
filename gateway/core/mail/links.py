"""Links in mail: each is a token of 256 bits that works once, by a form; the page with that form changes nothing."""

import hashlib
import re
from enum import Enum
from typing import Final

LINK_BYTES: Final = 32
FIELD: Final = "t"  # of the query and of the form; the snippet for Caddy keeps requests with it out of the log
USED_PASSKEY: Final = "passkey"  # in the content of a link: which ones the login proved that it is about
ABOUT: Final = "about"  # in the content of a link of ENDS: the key, the grant, or when the person asked
_SHAPE: Final = re.compile(r"[\w-]{43}", re.ASCII)


class LinkKind(Enum):
    """The values are in stored rows: they never change."""

    RESET = "reset"
    INVITATION = "invitation"
    DISOWN = "disown"
    EMAIL_CONFIRM = "email_confirm"
    EMAIL_UNDO = "email_undo"
    UNLOCK = "unlock"
    RELEASE = "release"
    KEEP_FACTORS = "keep_factors"
    END_KEY = "end_key"
    END_APP = "end_app"
    KEEP_ACCOUNT = "keep_account"  # a request to be erased

    @property
    def lets_in(self) -> bool:
        """Whether it opens the account to whoever has it; all others undo something."""
        return self not in _UNDO

    @property
    def path(self) -> str:
        """Of its page on the auth host."""
        return _PATHS[self]


# Of what outlasts the login that made it, each ends one thing (login-defence.md X3).
ENDS: Final = (LinkKind.END_KEY, LinkKind.END_APP, LinkKind.KEEP_ACCOUNT)
_UNDO: Final = (LinkKind.DISOWN, LinkKind.EMAIL_UNDO, LinkKind.UNLOCK, LinkKind.KEEP_FACTORS, *ENDS)
LETS_IN: Final = tuple(kind for kind in LinkKind if kind.lets_in)
_PATHS: Final = {
    LinkKind.RESET: "/reset",
    LinkKind.INVITATION: "/reset",
    LinkKind.DISOWN: "/disown",
    LinkKind.EMAIL_CONFIRM: "/email/confirm",
    LinkKind.EMAIL_UNDO: "/disown",
    LinkKind.UNLOCK: "/unlock",
    LinkKind.RELEASE: "/release",
    LinkKind.KEEP_FACTORS: "/keep-factors",
    LinkKind.END_KEY: "/end-key",
    LinkKind.END_APP: "/end-app",
    LinkKind.KEEP_ACCOUNT: "/keep-account",
}


def link_hash(token: str) -> bytes | None:
    """What stores know it by; None for what is none of our tokens."""
    return hashlib.sha256(token.encode()).digest() if _SHAPE.fullmatch(token) else None
