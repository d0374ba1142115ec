"""What a person types at the login page, and the two small proofs that lie in the browser beside it.

The csrf cookie is 32 random bytes; the form carries an HMAC of it (a synchroniser token that needs no store). The
device cookie remembers, without naming anybody, who has signed in from this browser. Both layouts are in browsers:
they change only with a new label or a new version prefix.
"""

import hmac
import re
from dataclasses import dataclass
from typing import Final

from gateway.core.base64url import b64
from gateway.core.password.rules import MOST_CHARS
from gateway.core.privacy.names import spelled

CSRF_BYTES: Final = 32
DEVICE_BYTES: Final = 16
NAME_CHARS: Final = 254
_KNOWN_PEOPLE: Final = 8
_MAC_BYTES: Final = 12
_CSRF_SHAPE: Final = re.compile(r"[\w-]{43}", re.ASCII)
_DEVICE_SHAPE: Final = re.compile(r"v1\.([\w-]{22})((?:\.[\w-]{16}){1,8})", re.ASCII)


@dataclass(frozen=True, slots=True, repr=False)
class Typed:
    """The login form as it came. keep: stay signed in on this device. repr is left out: it holds a password."""

    name: str
    password: str
    keep: bool

    @property
    def plausible(self) -> bool:
        """False: no account can match, so nothing is looked up; the answer is that of a wrong password."""
        sizes = 0 < len(self.name) <= NAME_CHARS and 0 < len(self.password) <= MOST_CHARS
        return sizes and "\0" not in self.name


@dataclass(frozen=True, slots=True)
class Device:
    """id: 22 characters, "" where the browser brought no device cookie. known: marks of who signed in from here."""

    id: str
    known: tuple[str, ...]


def is_csrf_cookie(text: str) -> bool:
    """Whether the cookie is one that we could have made; another one is replaced."""
    return _CSRF_SHAPE.fullmatch(text) is not None


def csrf_token(key: bytes, cookie: str) -> str:
    """What a form carries; useless in a browser with another csrf cookie."""
    return b64(hmac.digest(key, b"form\0" + cookie.encode(), "sha256"))


def csrf_holds(key: bytes, cookie: str, token: str) -> bool:
    """Compared in constant time. False without a cookie of ours, whatever the token is."""
    if not is_csrf_cookie(cookie):
        return False
    return hmac.compare_digest(csrf_token(key, cookie).encode(), token.encode(errors="replace"))


def parse_device(text: str) -> Device:
    """Total: anything that is not a device cookie is a device without an id."""
    found = _DEVICE_SHAPE.fullmatch(text)
    if found is None:
        return Device("", ())
    return Device(found[1], tuple(found[2].split(".")[1:]))


def knows(key: bytes, device: Device, name: str) -> bool:
    """Whether this name signed in from this browser before. Forged marks don't match without the key."""
    wanted = _mark(key, device.id, name)
    return bool(device.id) and any(hmac.compare_digest(mark, wanted) for mark in device.known)


def remember(key: bytes, device: Device, name: str, fresh_id: bytes) -> str:
    """The cookie text after name signed in: the newest eight people of the browser. fresh_id: DEVICE_BYTES bytes."""
    assert len(fresh_id) == DEVICE_BYTES
    id_ = device.id or b64(fresh_id)
    mark = _mark(key, id_, name)
    others = [known for known in device.known if known != mark]
    return ".".join(["v1", id_, mark, *others[: _KNOWN_PEOPLE - 1]])


def _mark(key: bytes, device_id: str, name: str) -> str:
    material = b"known\0" + device_id.encode() + b"\0" + spelled(name).encode(errors="replace")
    return b64(hmac.digest(key, material, "sha256")[:_MAC_BYTES])
