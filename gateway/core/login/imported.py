"""How the hash of another system is stored until its person logs in: sealed, so that a row alone guesses nothing.

The stored text is `i1$<pepper id>$<kind>$<sealed>`. It is in the database, so each part keeps its meaning. Bound to
its person: a text that was moved to another row matches nothing (threats.md D5).
"""

import hmac
import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.core.login.foreign import ForeignHash, matches, read_foreign
from gateway.core.privacy.sealing import BrokenSeal, DataKey, Place

_SHAPE: Final = re.compile(r"i1\$([a-z0-9]{1,16})\$([a-z0-9,-]{1,64})\$([A-Za-z0-9_=-]{1,4096})")
_PURPOSE: Final = b"bastion: imported password"


@dataclass(frozen=True, slots=True, repr=False)
class ImportedPassword:
    """kind: as of ForeignHash, in clear, because it says how long a wrong answer has to take."""

    pepper_id: str
    kind: str
    sealed: bytes

    @property
    def text(self) -> str:
        """For the database."""
        return f"i1${self.pepper_id}${self.kind}${self.sealed.decode()}"

    def opens(self, pepper: bytes, user_id: UUID, password: str) -> bool:
        """Takes a thread for as long as the hash asks. False also for another person's."""
        try:
            text = _key(pepper).unseal(_place(user_id), self.sealed)["hash"]
        except BrokenSeal:
            return False
        foreign = read_foreign(text)
        return isinstance(foreign, ForeignHash) and matches(foreign, password)


def seal_imported(pepper_id: str, pepper: bytes, user_id: UUID, foreign: ForeignHash) -> ImportedPassword:
    return ImportedPassword(pepper_id, foreign.kind, _key(pepper).seal(_place(user_id), {"hash": foreign.text}))


def parse_imported(text: str) -> ImportedPassword | None:
    """None: not of this form."""
    found = _SHAPE.fullmatch(text)
    return None if found is None else ImportedPassword(found[1], found[2], found[3].encode())


def _key(pepper: bytes) -> DataKey:
    return DataKey(hmac.digest(pepper, _PURPOSE, "sha256"))


def _place(user_id: UUID) -> Place:
    return Place("users", "password", user_id)
