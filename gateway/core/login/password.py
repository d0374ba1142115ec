"""How a password is stored: bcrypt over an HMAC, so that no length is cut and no hash can be moved to another person.

The stored text is `v1$<pepper id>$<bcrypt's own text>`. It is in the database, so each part keeps its meaning.
"""

import hmac
import re
from base64 import b64encode
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.core.password.rules import normal

BCRYPT_COST: Final = 12
DISABLED: Final = ""  # stored in place of a password that nobody may use any more: parse_stored knows none like it
_SHAPE: Final = re.compile(r"v1\$([a-z0-9]{1,16})\$(\$2b\$([0-9]{2})\$[./A-Za-z0-9]{53})")


@dataclass(frozen=True, slots=True, repr=False)
class StoredPassword:
    """hash: what bcrypt reads. cost: its exponent."""

    pepper_id: str
    cost: int
    hash: bytes

    @property
    def text(self) -> str:
        """For the database."""
        return f"v1${self.pepper_id}${self.hash.decode()}"


def parse_stored(text: str) -> StoredPassword | None:
    """None: nothing that we ever stored, so nothing that a password could match."""
    found = _SHAPE.fullmatch(text)
    return None if found is None else StoredPassword(found[1], int(found[3]), found[2].encode())


def prehash(pepper: bytes, user_id: UUID, password: str) -> bytes:
    """44 bytes, within the 72 that bcrypt reads (bcrypt 5 raises above). The person is inside (threats.md D5).

    In its normal form, so that a password typed on another keyboard is the same.
    """
    chosen = normal(password).encode(errors="surrogatepass")
    return b64encode(hmac.digest(pepper, user_id.bytes + chosen, "sha256"))


def is_outdated(stored: StoredPassword, pepper_id: str) -> bool:
    """Whether the next login should store it anew. pepper_id: the one for new hashes."""
    return stored.pepper_id != pepper_id or stored.cost < BCRYPT_COST
