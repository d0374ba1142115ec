"""Owns what is unsafe about the URL of a store, of either kind."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from gateway.config.setting import Finding

_KNOWN_PASSWORDS: Final = frozenset({"bastion", "postgres", "password", "changeme", "change-me", "secret", "redis"})


def store_findings(key: str, url: str) -> Iterator[Finding]:
    if not url:
        yield Finding(key, "is missing")
    elif (urlsplit(url).password or "").lower() in _KNOWN_PASSWORDS:
        yield Finding(key, "has a default password that everybody knows; expected one of your own")
