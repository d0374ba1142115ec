"""Reads what Caddy says about a request: each of its headers exactly once, or the request is refused.

Every request of every site passes here: names are looked up as they are spelled, and values that few decisions need
are decoded when they are asked for.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from operator import itemgetter
from typing import Final

from gateway.core.addresses import Address, plain_address, read_address
from gateway.core.errors import GatewayError
from gateway.core.forward.accept import prefers_page
from gateway.core.forward.names import DESTINATION, is_taken
from gateway.core.forward.proxy import EARLIER, AskingProxy, proxy_of
from gateway.core.policy.canonical import METHOD_CHARS, TAKE_DESTINATION, canonical_host
from gateway.core.policy.header_names import has_a_meaning
from gateway.core.policy.key_places import KEY_PREFIX
from gateway.core.remembered import Remembered
from gateway.core.session.cookies import Cookies, read_cookies

ADDRESS_CHARS: Final = 64
_ONCE: Final = (
    b"x-forwarded-method",
    b"x-forwarded-uri",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-forwarded-for",
    b"x-request-id",
    b"host",
)
_READ: Final = {
    *_ONCE,
    DESTINATION,
    b"cookie",
    b"authorization",
    b"dpop",
    b"content-length",
    b"transfer-encoding",
    b"accept",
    b"x-requested-with",
    b"sec-fetch-site",
    b"sec-fetch-mode",
    b"sec-fetch-dest",
    b"sec-purpose",
    b"purpose",
    b"origin",
    b"referer",
    b"early-data",
    b"access-control-request-method",
    b"access-control-request-headers",
    b"x-bastion-snippet",
    b"x-bastion-connection",
    b"x-bastion-upgrade",
    b"x-bastion-protocol",
}
_CREDENTIALS: Final = (b"authorization", b"dpop")
_once: Final[Callable[[dict[bytes, bytes]], tuple[bytes, ...]]] = itemgetter(*_ONCE)
_REQUEST_ID: Final = re.compile(r"[0-9A-Za-z-]{8,64}")
_TARGET: Final = re.compile(r"/[!\"$-~\x80-\xff]*")  # no space, no control byte, no fragment
_ABSOLUTE: Final = re.compile(r"(?i:https?)://([^/?#]+)([/?].*)?")
_MOST_NAMES: Final = 1024
_NAME_BYTES: Final = 64
_OF_BROWSERS: Final = (b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest", b"origin")
_FRAMES: Final = (b"iframe", b"frame", b"embed", b"object", b"fencedframe")
_SAFE: Final = ("GET", "HEAD")
_NO_COOKIES: Final = Cookies()
_HOSTS: Final = Remembered[tuple[bytes, bytes], str](4096)
_ADDRESSES: Final = Remembered[bytes, Address](8192)


class MalformedRequest(GatewayError):
    """The question is not one that our snippet asks; the message says what is wrong, without the value.

    told: what the client reads. By default the client has no part in it.
    """

    def __init__(self, why: str, told: str = "this site's proxy is not configured for Bastion") -> None:
        super().__init__(why)
        self.told = told


class ClientKind(Enum):
    """What asked, as far as the answer must fit it (design.md section 3.4)."""

    NAVIGATION = "navigate"  # the person looks at it
    FRAME = "frame"
    FETCH = "fetch"
    WEBSOCKET = "websocket"
    PREFLIGHT = "preflight"


_WEBSOCKET: Final = ClientKind.WEBSOCKET  # members of enums are looked up slowly
_NAVIGATION: Final = ClientKind.NAVIGATION
_FETCH: Final = ClientKind.FETCH
_TAKEN: Final = b"?"  # no header's name, and neither is the next
_OF_APPS: Final = b"*"
_UNREAD: Final = (b"", _TAKEN, _OF_APPS)
_UPGRADE: Final = [b"upgrade"]
_NAMES: Final = {spelled: name for name in _READ for spelled in (name, name.title())}  # as Go spells them; grows


def _learned(spelled: bytes) -> bytes:
    """In lower case. b"": nobody reads the header. _TAKEN: it must not reach an app. _OF_APPS: it may hold an app's own
    credential.

    A bounded number of short spellings is remembered.
    """
    lowered = spelled.lower()
    unread = _TAKEN if is_taken(lowered) else b"" if has_a_meaning(lowered) else _OF_APPS
    name = lowered if lowered in _READ else unread
    if len(_NAMES) < _MOST_NAMES and len(spelled) <= _NAME_BYTES:
        _NAMES[spelled] = name
    return name


class Fields:
    """The headers of a question, as far as they are read; names in lower case.

    Total: what is wrong with them is said by request_of. count: of all headers. taken: names that must not reach an
    app, as they came; Destination is none before the method is known. credential_lines: those of Authorization and DPoP
    by name, each by itself: joined, two would read as one (oauth.md O14); and those of any other header that hold an
    API key. app_lines: headers that may hold an app's own credential.
    """

    __slots__ = ("_doubled", "app_lines", "cookie_lines", "count", "credential_lines", "taken", "values")

    def __init__(self, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        """headers: names in any case, in the order in which they came."""
        self.count = 0
        self.cookie_lines: list[bytes] = []
        self.credential_lines: list[tuple[bytes, bytes]] = []
        self.app_lines: list[tuple[bytes, bytes]] = []
        self.taken: list[bytes] = []
        self._doubled = b""
        self.values: dict[bytes, bytes] = {}
        for spelled, value in headers:
            self.add(spelled, value)

    def add(self, spelled: bytes, value: bytes) -> None:
        """The next header."""
        self.count += 1
        name = _NAMES.get(spelled)
        if name is None:
            name = _learned(spelled)
        if name in _UNREAD:
            if value[:4] == KEY_PREFIX:
                self.credential_lines.append((spelled.lower(), value))
            elif name == _OF_APPS:
                self.app_lines.append((spelled.lower(), value))
            if name == _TAKEN:
                self.taken.append(spelled)
            return
        if name == b"cookie":
            self.cookie_lines.append(value)
        elif name in _CREDENTIALS:
            self.credential_lines.append((name, value))
        elif name not in self.values:
            self.values[name] = value
        else:
            self.values[name] += b", " + value
            if name in _ONCE:
                self._doubled = name

    @property
    def body_follows(self) -> bool:
        """Whether what comes next on the connection could be anybody's bytes (threats.md P4)."""
        values = self.values
        return b"transfer-encoding" in values or values.get(b"content-length", b"0").strip() != b"0"

    def once(self) -> tuple[bytes, ...]:
        """The headers of our snippet, in the order of _ONCE. Raises MalformedRequest unless each came once."""
        if self._doubled:
            raise MalformedRequest(f"{self._doubled.decode()} came twice")
        try:
            return _once(self.values)
        except KeyError as error:
            raise MalformedRequest(f"{error.args[0].decode()} is missing") from error


class ForwardedRequest:
    """host: canonical, without port. target: raw path and query. path: raw. address None: not known.

    values: of headers, by their names in lower case. proxy: who asks. taken, credential_lines, app_lines: as in Fields.
    """

    def __init__(
        self,
        request_id: str,
        method: str,
        host: str,
        target: str,
        path: str,
        address: Address | None,
        client: ClientKind,
        cookies: Cookies,
        cookie_lines: list[bytes],
        values: dict[bytes, bytes],
        proxy: AskingProxy,
        taken: list[bytes],
        credential_lines: list[tuple[bytes, bytes]],
        app_lines: list[tuple[bytes, bytes]],
    ) -> None:
        self.request_id = request_id
        self.method = method
        self.host = host
        self.target = target
        self.path = path
        self.address = address
        self.client = client
        self.cookies = cookies
        self.cookie_lines = cookie_lines
        self.values = values
        self.proxy = proxy
        self.taken = taken
        self.credential_lines = credential_lines
        self.app_lines = app_lines

    @property
    def websocket(self) -> bool:
        return self.client is _WEBSOCKET

    @property
    def shows_page(self) -> bool:
        """Whether a person may see the answer: a service worker may fetch a page for one, and says so by Accept."""
        if self.client is not _FETCH:
            return self.client in (_NAVIGATION, ClientKind.FRAME)
        return b"x-requested-with" not in self.values and prefers_page(self._text(b"accept") or "")

    @property
    def shows_browser(self) -> bool:
        """What only a browser sends. One of these asks its person for a password where it is challenged (X6)."""
        return any(name in self.values for name in _OF_BROWSERS)

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    @property
    def doubled_cookies(self) -> tuple[str, ...]:
        """Names of ours that came twice (threats.md H1)."""
        return self.cookies.doubled

    @property
    def early_data(self) -> bool:
        return b"early-data" in self.values

    @property
    def prefetch(self) -> bool:
        return "prefetch" in (self._text(b"sec-purpose") or self._text(b"purpose") or "")

    @property
    def origin(self) -> str | None:
        return self._text(b"origin")

    @property
    def fetch_site(self) -> str | None:
        return self._text(b"sec-fetch-site")

    @property
    def referer(self) -> str | None:
        return self._text(b"referer")

    @property
    def requested_method(self) -> str | None:
        return self._text(b"access-control-request-method")

    @property
    def requested_headers(self) -> str | None:
        return self._text(b"access-control-request-headers")

    def _text(self, name: bytes) -> str | None:
        value = self.values.get(name)
        return None if value is None else value.decode("latin-1")


def read_request(headers: Iterable[tuple[bytes, bytes]]) -> ForwardedRequest:
    """headers: names in any case. Raises MalformedRequest."""
    return request_of(Fields(tuple(headers)))


def request_of(fields: Fields) -> ForwardedRequest:
    """Raises MalformedRequest."""
    sent_method, uri, forwarded_host, proto, address, sent_id, host = fields.once()
    cookie_lines, values = fields.cookie_lines, fields.values
    target = uri.decode("latin-1")
    if not _TARGET.fullmatch(target):
        target = _path_of_absolute(target, forwarded_host.decode("latin-1"))
    request_id = sent_id.decode("latin-1")
    if not _REQUEST_ID.fullmatch(request_id):
        raise MalformedRequest("x-request-id is not an id of the proxy")
    if proto not in (b"https", b"http"):
        raise MalformedRequest("x-forwarded-proto is neither https nor http")
    method = sent_method.decode("latin-1")
    said = values.get(b"x-bastion-snippet")
    proxy = EARLIER if said is None else proxy_of(said)
    # RFC 8441: a WebSocket over HTTP/2 or 3. Any other CONNECT is a tunnel.
    extended = method == "CONNECT"
    taken = fields.taken
    if DESTINATION in values and method not in TAKE_DESTINATION:  # with those, policy judges it
        taken = [*taken, DESTINATION]
    upgrade = values.get(b"x-bastion-upgrade")
    if upgrade and upgrade.lower() != b"websocket":
        # Ignored (RFC 9110 section 7.8): the app never hears of it, so it agrees to no tunnel that nobody looks into.
        taken = taken + _UPGRADE
    return ForwardedRequest(
        request_id,
        "GET" if extended else method[: METHOD_CHARS + 1],
        _host(forwarded_host, host),
        target,
        target.partition("?")[0],
        _address(address),
        _WEBSOCKET if extended else _client(values, method),
        read_cookies(cookie_lines) if cookie_lines else _NO_COOKIES,
        cookie_lines,
        values,
        proxy,
        taken,
        fields.credential_lines,
        fields.app_lines,
    )


def _path_of_absolute(target: str, host: str) -> str:
    """Of a target in absolute form (RFC 9112 section 3.2.2), which is of this host. Raises MalformedRequest.

    Caddy takes the host from it, and sends the app its path and query.
    """
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is not None and absolute[1].lower() != host.lower():
        raise MalformedRequest("x-forwarded-uri is of another host", "the request target names another host")
    rest = (absolute[2] or "/") if absolute is not None else ""
    path = f"/{rest}" if rest.startswith("?") else rest
    if not _TARGET.fullmatch(path):
        raise MalformedRequest("x-forwarded-uri is not a path", "the request target is neither a path nor a URL")
    return path


def _host(forwarded: bytes, host: bytes) -> str:
    """Raises MalformedRequest: both say the same, port and case apart, and it is a host name (threats.md H3)."""
    found = _HOSTS.get((forwarded, host))
    return _HOSTS.keep((forwarded, host), _read_host(forwarded, host)) if found is None else found


def _read_host(forwarded: bytes, host: bytes) -> str:
    canonical = canonical_host(forwarded.decode("latin-1"))
    if canonical is None:
        raise MalformedRequest("x-forwarded-host is not a host name", "Host is not a host name")
    if canonical_host(host.decode("latin-1")) != canonical:
        raise MalformedRequest("host and x-forwarded-host differ")
    return canonical


def _address(value: bytes) -> Address | None:
    """None: not known (threats.md L7). Raises MalformedRequest for a list, of which somebody else wrote a part (P5).

    What is too long for an address is refused too, so that little is remembered.
    """
    found = _ADDRESSES.get(value)
    if found is not None:
        return found
    read = _read_address(value)
    return None if read is None else _ADDRESSES.keep(value, read)


def _read_address(value: bytes) -> Address | None:
    text = value.decode("latin-1")
    if "," in text or len(text) > ADDRESS_CHARS:
        raise MalformedRequest("x-forwarded-for is not one address")
    found = read_address(text)
    return None if found is None else plain_address(found)


def _client(values: dict[bytes, bytes], method: str) -> ClientKind:
    """Sec-Fetch-* where the browser sends it, else Accept and X-Requested-With."""
    if values.get(b"x-bastion-upgrade", b"").lower() == b"websocket":
        return _WEBSOCKET
    if method == "OPTIONS" and b"origin" in values and b"access-control-request-method" in values:
        return ClientKind.PREFLIGHT
    mode = values.get(b"sec-fetch-mode")
    if mode is None:
        asks_for_page = b"text/html" in values.get(b"accept", b"") and b"x-requested-with" not in values
        return _NAVIGATION if asks_for_page else _FETCH
    destination = values.get(b"sec-fetch-dest", b"")
    if destination in _FRAMES:
        return ClientKind.FRAME
    # No script can set this mode, whatever the destination: a service worker passes a navigation on as "empty".
    return _NAVIGATION if mode == b"navigate" else _FETCH


def is_safe(method: str) -> bool:
    """Whether a navigation with it can be done again after the login."""
    return method in _SAFE
