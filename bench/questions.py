"""What Caddy asks, as bytes."""

from collections.abc import Sequence
from itertools import count
from typing import Final

from gateway.core.forward.proxy import said_by
from gateway.core.principal.identity import identity_headers

_ASKED: Final = "/decide?6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
_SAID: Final = said_by(tuple(identity_headers(remote=True, x_auth_request=False, also={})), ())
_numbers: Final = count()
FORGED: Final = f"__Host-bastion=v1.{'A' * 16}.{'A' * 22}.{'A' * 43}.{'A' * 16}"


def question(host: str, path: str, cookie: str = "", *, asked: str = _ASKED, more: Sequence[str] = ()) -> bytes:
    """For a browser's navigation, as the snippet asks. Each has an id of its own, as of the proxy. more: lines."""
    lines = [
        f"GET {asked} HTTP/1.1",
        f"Host: {host}",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
        *([f"Cookie: {cookie}"] if cookie else []),
        *more,
        "Sec-Fetch-Dest: document",
        "Sec-Fetch-Mode: navigate",
        "Sec-Fetch-Site: same-origin",
        "Via: 2.0 Caddy",
        "X-Bastion-Connection: ",
        "X-Bastion-Protocol: HTTP/2.0 ",
        f"X-Bastion-Snippet: {_SAID}",
        "X-Bastion-Upgrade: ",
        "X-Forwarded-For: 127.0.0.1",
        f"X-Forwarded-Host: {host}",
        "X-Forwarded-Method: GET",
        "X-Forwarded-Proto: https",
        f"X-Forwarded-Uri: {path}",
        f"X-Request-Id: 6f9619ff-8b86-4d01-b42d-{next(_numbers):012x}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def questions(host: str, paths: Sequence[str], cookies: Sequence[str]) -> list[bytes]:
    """Each path once, by one cookie after the other."""
    return [question(host, path, cookies[at % len(cookies)]) for at, path in enumerate(paths)]
