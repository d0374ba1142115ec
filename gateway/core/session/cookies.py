"""The one reader of our cookies, byte for byte, and how they are set and forgotten.

`__Host-` keeps siblings from planting a cookie only if the server reads as strictly as the browser writes: aiohttp's
own reader, for one, strips U+2000 and so takes a sibling's forgery for ours (threats.md H1). Names are in browsers:
they can't change.
"""

import re
from collections.abc import Iterable
from typing import Final

from gateway.core.remembered import Remembered

LOGIN_COOKIE: Final = "__Host-bastion-login"  # auth host: the login
ATTEMPT_COOKIE: Final = "__Host-bastion-attempt"  # auth host: a right password that waits for its second step
CSRF_COOKIE: Final = "__Host-bastion-csrf"  # auth host: what forms belong to
DEVICE_COOKIE: Final = "__Host-bastion-device"  # auth host: who has signed in from this browser
ENDED_COOKIE: Final = "__Host-bastion-ended"  # auth host: what the account page says that was just ended
SESSION_COOKIE: Final = "__Host-bastion"  # protected host: the session
WAY_COOKIE: Final = "__Host-bastion-way"  # protected host: the browser that started a journey
LAST_COOKIE: Final = "__Host-bastion-last"  # protected host: who was here last
GONE_COOKIE: Final = "__Host-bastion-gone"  # protected host: differs after each logout
_OURS: Final = b"__Host-bastion"
_NAMES: Final = {
    name.encode(): name
    for name in (
        LOGIN_COOKIE,
        ATTEMPT_COOKIE,
        CSRF_COOKIE,
        DEVICE_COOKIE,
        ENDED_COOKIE,
        SESSION_COOKIE,
        WAY_COOKIE,
        LAST_COOKIE,
    )
}
_VALUE: Final = re.compile(rb"[A-Za-z0-9._~-]{1,256}")
_FOREIGN_NAME: Final = re.compile(rb"[!-:<>-~]{1,128}")
_MOST_FOREIGN: Final = 180  # what browsers keep for one domain
_ROOT_ONLY: Final = "__host-"  # browsers don't look at its case
_REMEMBERED_BYTES: Final = 1024


class Cookies(dict[str, str]):
    """Our cookies by name; nothing changes them. doubled: names that came twice: somebody plants them."""

    __slots__ = ("doubled",)

    def __init__(self, pairs: Iterable[tuple[str, str]] = (), doubled: tuple[str, ...] = ()) -> None:
        super().__init__(pairs)
        self.doubled = doubled


# A browser sends the same line with every request of a page.
_REMEMBERED: Final = Remembered[bytes, Cookies](4096)


def read_cookies(lines: Iterable[bytes]) -> Cookies:
    """lines: values of Cookie header fields, in order.

    Only SP and HTAB around a pair are dropped; a name that comes twice, or with a value that we never write, is no
    cookie at all.
    """
    joined = b"; ".join(lines)
    found = _REMEMBERED.get(joined)
    if found is not None:
        return found
    read = _read(joined)
    return _REMEMBERED.keep(joined, read) if len(joined) <= _REMEMBERED_BYTES else read


def _read(joined: bytes) -> Cookies:
    if _OURS not in joined:
        return Cookies()
    found: dict[str, bytes] = {}
    doubled: tuple[str, ...] = ()
    for pair in joined.split(b";"):
        raw, _, value = pair.strip(b" \t").partition(b"=")
        name = _NAMES.get(raw)
        if name is None:
            continue
        if name in found and name not in doubled:
            doubled += (name,)
        found[name] = value
    whole = ((name, value.decode()) for name, value in found.items() if name not in doubled and _VALUE.fullmatch(value))
    return Cookies(whole, doubled)


def foreign_names(lines: Iterable[bytes]) -> list[str]:
    """Names of the app's own cookies, each once, as far as they can be named in a Set-Cookie field."""
    names = (pair.strip(b" \t").partition(b"=")[0] for pair in b"; ".join(lines).split(b";"))
    kept = dict.fromkeys(name for name in names if _FOREIGN_NAME.fullmatch(name) and not name.startswith(_OURS))
    return [name.decode() for name in list(kept)[:_MOST_FOREIGN]]


def expire_foreign(name: str, path: str, domain: str = "") -> str | None:
    """Of a cookie of the app. None: no browser has it there.

    Its flags are not known, but browsers expire a cookie whatever its own, and those with a prefix demand these.
    """
    if name.lower().startswith(_ROOT_ONLY) and (domain or path != "/"):
        return None
    return f"{name}=; Path={path}; {f'Domain={domain}; ' if domain else ''}Secure; HttpOnly; Max-Age=0"


def set_cookie(name: str, value: str, max_age_s: int = 0) -> str:
    """The value of a Set-Cookie field. max_age_s 0: until the browser is closed."""
    age = f"; Max-Age={max_age_s}" if max_age_s else ""
    return f"{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{age}"


def expire_cookie(name: str) -> str:
    """The browser forgets the cookie with this answer."""
    return f"{name}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"
