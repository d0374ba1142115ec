"""Reads what Caddy says about a request: each of its headers exactly once, or the request is refused."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from gateway.core.errors import GatewayError
from gateway.core.policy.canonical import canonical_host
from gateway.core.session.cookies import Cookies, read_cookies

_ONCE: Final = (
    b"x-forwarded-method",
    b"x-forwarded-uri",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-forwarded-for",
    b"x-request-id",
    b"host",
)
_REQUEST_ID: Final = re.compile(r"[0-9A-Za-z-]{8,64}")
_TARGET: Final = re.compile(r"/[!\"$-~\x80-\xff]*")  # no space, no control byte, no fragment
_METHOD_CHARS: Final = 32
_FRAMES: Final = ("iframe", "frame", "embed", "object", "fencedframe")
_SAFE: Final = ("GET", "HEAD")
_NO_COOKIES: Final = Cookies()


class MalformedRequest(GatewayError):
    """The question is not one that our snippet asks; the message says what is wrong, without the value."""


class Client(Enum):
    """What asked, as far as the answer must fit it (design.md section 3.4)."""

    NAVIGATION = "navigate"  # the person looks at it
    FRAME = "frame"
    FETCH = "fetch"
    WEBSOCKET = "websocket"
    PREFLIGHT = "preflight"


@dataclass(slots=True)
class ForwardedRequest:
    """Not frozen, because that costs 4 us a request here; nothing changes it.

    host: canonical, without port. target: raw path and query. path: raw. address None: not known.
    """

    request_id: str
    method: str
    host: str
    target: str
    path: str
    address: IPv4Address | IPv6Address | None
    client: Client
    cookies: Cookies
    cookie_lines: list[bytes]
    origin: str | None
    fetch_site: str | None
    prefetch: bool
    early_data: bool
    referer: str | None
    requested_method: str | None
    requested_headers: str | None

    @property
    def websocket(self) -> bool:
        return self.client is Client.WEBSOCKET

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


def read_request(headers: Iterable[tuple[bytes, bytes]]) -> ForwardedRequest:
    """headers: names in lower case. Raises MalformedRequest."""
    seen: dict[bytes, bytes] = {}
    cookie_lines: list[bytes] = []
    for name, value in headers:
        if name == b"cookie":
            cookie_lines.append(value)
        elif name in seen:
            if name in _ONCE:
                raise MalformedRequest(f"{name.decode()} came twice")
            seen[name] = seen[name] + b", " + value
        else:
            seen[name] = value
    for name in _ONCE:
        if name not in seen:
            raise MalformedRequest(f"{name.decode()} is missing")
    return _request({name: value.decode("latin-1") for name, value in seen.items()}, cookie_lines)


def _request(seen: dict[bytes, str], cookie_lines: list[bytes]) -> ForwardedRequest:
    get = seen.get
    target = seen[b"x-forwarded-uri"]
    if not _TARGET.fullmatch(target):
        raise MalformedRequest("x-forwarded-uri is not a path")
    request_id = seen[b"x-request-id"]
    if not _REQUEST_ID.fullmatch(request_id):
        raise MalformedRequest("x-request-id is not an id of the proxy")
    if seen[b"x-forwarded-proto"] not in ("https", "http"):
        raise MalformedRequest("x-forwarded-proto is neither https nor http")
    method = seen[b"x-forwarded-method"]
    # RFC 8441: a WebSocket over HTTP/2 or 3. Any other CONNECT has no path, and was refused above.
    extended = method == "CONNECT"
    websocket = extended or get(b"x-bastion-upgrade", "").lower() == "websocket"
    return ForwardedRequest(
        request_id=request_id,
        method="GET" if extended else method[: _METHOD_CHARS + 1],
        host=_host(seen[b"x-forwarded-host"], seen[b"host"]),
        target=target,
        path=target.partition("?")[0],
        address=_address(seen[b"x-forwarded-for"]),
        client=_client(seen, method, websocket=websocket),
        cookies=read_cookies(cookie_lines) if cookie_lines else _NO_COOKIES,
        cookie_lines=cookie_lines,
        origin=get(b"origin"),
        fetch_site=get(b"sec-fetch-site"),
        prefetch="prefetch" in (get(b"sec-purpose") or get(b"purpose") or ""),
        early_data=b"early-data" in seen,
        referer=get(b"referer"),
        requested_method=get(b"access-control-request-method"),
        requested_headers=get(b"access-control-request-headers"),
    )


@lru_cache(4096)
def _host(forwarded: str, host: str) -> str:
    """Raises MalformedRequest: both say the same, port and case apart, and it is a host name (threats.md H3)."""
    canonical = canonical_host(forwarded)
    if canonical is None:
        raise MalformedRequest("x-forwarded-host is not a host name")
    if canonical_host(host) != canonical:
        raise MalformedRequest("host and x-forwarded-host differ")
    return canonical


@lru_cache(8192)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    """None: not known (threats.md L7). Raises MalformedRequest for a list, of which somebody else wrote a part (P5)."""
    if "," in text:
        raise MalformedRequest("x-forwarded-for is not one address")
    try:
        found = ip_address(text.strip())
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def _client(seen: dict[bytes, str], method: str, *, websocket: bool) -> Client:
    """Sec-Fetch-* where the browser sends it, else Accept and X-Requested-With."""
    get = seen.get
    if websocket:
        return Client.WEBSOCKET
    if method == "OPTIONS" and b"origin" in seen and b"access-control-request-method" in seen:
        return Client.PREFLIGHT
    mode = get(b"sec-fetch-mode")
    if mode is None:
        asks_for_page = "text/html" in get(b"accept", "") and b"x-requested-with" not in seen
        return Client.NAVIGATION if asks_for_page else Client.FETCH
    destination = get(b"sec-fetch-dest", "")
    if destination in _FRAMES:
        return Client.FRAME
    return Client.NAVIGATION if mode == "navigate" and destination == "document" else Client.FETCH


def is_safe(method: str) -> bool:
    """Whether a navigation with it can be done again after the login."""
    return method in _SAFE
