"""Which names people and groups may have, and how a name is found without being stored."""

import hashlib
import hmac
import re
import unicodedata
from typing import Final

from gateway.core.errors import GatewayError
from gateway.core.units import DAY_S

NAME_CHARS: Final = 64
DISPLAY_NAME_CHARS: Final = 200
_INDEX_KEY_ID_CHARS: Final = 8
USED_NAME_S: Final = 3 * 365 * DAY_S  # how long a user name that somebody gave up is nobody else's
_NAME: Final = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_EMAIL: Final = re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,189}")


class BadName(GatewayError):
    """The name can't be given to anybody; the message says what is allowed."""


def check_name(what: str, name: str) -> str:
    """what: "user" or "group". Raises BadName: a comma or a line break in a header would be another identity (P9)."""
    if not _NAME.fullmatch(name):
        raise BadName(f"{what} name {name!r}: 1 to {NAME_CHARS} of letters, digits and . _ @ - are allowed")
    return name


def check_email(email: str) -> str:
    """Visible ASCII on both sides of one @. Raises BadName; "" is nobody's and passes."""
    if email and not _EMAIL.fullmatch(email):
        raise BadName(f"e-mail {email!r}: expected something like ada@example.org")
    return email


def check_display_name(name: str) -> str:
    """Raises BadName for control characters, which no header and no page can show."""
    if len(name) > DISPLAY_NAME_CHARS or any(unicodedata.category(character)[0] == "C" for character in name):
        raise BadName(f"display name: at most {DISPLAY_NAME_CHARS} characters, and none that can't be printed")
    return name


def spelled(name: str) -> str:
    """What two spellings of one name have in common."""
    return unicodedata.normalize("NFKC", name.strip()).casefold()


def index_key_id(key: bytes) -> str:
    """The name of an index key in the database, so it can't change. key: as Keys.blind_index has it."""
    return hashlib.sha256(key).hexdigest()[:_INDEX_KEY_ID_CHARS]


def blind_index(key: bytes, column: str, name: str) -> bytes:
    """HMAC-SHA-256 of the normalised name, one for each column. Stored, so it can't change."""
    return hmac.digest(key, f"{column}\0{spelled(name)}".encode(errors="replace"), "sha256")
