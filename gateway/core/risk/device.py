"""Owns what makes a device: the id in its cookie, and the family of its browser.

A stolen cookie in another browser is another device. The families are in stored digests: a change makes devices new.
"""

import hashlib
import re
from typing import Final

from gateway.core.units import DAY_S

# The first that is in the text: browsers name those that they descend from, too.
_FAMILIES: Final = (
    ("Edg", "Edge"),  # Edg/, EdgA/, EdgiOS/
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SETTLED_S: Final = 7 * DAY_S
_SETTLED_LOGINS: Final = 2
_PRODUCT: Final = re.compile(r"[A-Za-z][A-Za-z .-]{0,39}")


def browser_family(user_agent: str) -> str:
    """ "Firefox", "Safari"; of a browser that is in no list the first name that it gives, "" where it gives none."""
    for mark, family in _FAMILIES:
        if mark in user_agent:
            return family
    product = _PRODUCT.match(user_agent)
    return "" if product is None else product[0]


def device_digest(cookie_id: str, user_agent: str) -> bytes:
    """32 bytes. cookie_id: 128 random bits, so nobody finds it by trying."""
    return hashlib.sha256(f"{cookie_id}\0{browser_family(user_agent)}".encode(errors="replace")).digest()


def is_settled(first_at: int, logins: int, now: int) -> bool:
    """Whether a device was in use for long enough to change what a login rests on. Unix seconds."""
    return logins >= _SETTLED_LOGINS and now - first_at >= _SETTLED_S
