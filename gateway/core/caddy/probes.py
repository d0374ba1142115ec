"""Owns the requests that `bastion caddy check` sends: what an attacker would try, and what has to become of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from gateway.core.caddy.strangers import Strangers

_TOKEN_CHARACTERS: Final = "!#$%&'*+.^_`|~"  # RFC 9110 section 5.6.2, without the hyphen
_OVERSIZED: Final = 200_000
_SPELLINGS: Final = (
    "Remote-User", "remote-user", "REMOTE-USER", "Remote-Groups", "Remote-Name", "Remote-Email",
    *(f"Remote{odd}User" for odd in _TOKEN_CHARACTERS),
    *(f"X{odd}Auth{odd}Request{odd}User" for odd in _TOKEN_CHARACTERS),
    "X-Auth-Request-User", "X-Auth-Request-Email", "X-Auth-Request-Groups",
    "X-Bastion-Answer", "X-Bastion-Set-Server", "X-Bastion-Upgrade",
)  # fmt: skip
_ECHOED: Final = ("X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Forwarded", "X-Original-Url", "Destination")
_CONNECTION: Final = (
    ("Connection: close, Remote-User", [("Connection", "close, Remote-User")]),
    ("Connection: X-Forwarded-Uri", [("Connection", "X-Forwarded-Uri")]),
    ("Connection: cookie", [("Connection", "keep-alive"), ("Connection", "cookie")]),
    ("connection: x-request-id, first", [("connection", "x-request-id"), ("connection", "close")]),
)
_NO_UPGRADE: Final = (
    ("Upgrade: websocket;h2c", [("Connection", "Upgrade"), ("Upgrade", "websocket;h2c")]),
    ("Upgrade: h2c/ after websocket", [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Upgrade", "h2c/")]),
)
# What a server may ignore (RFC 9110 section 7.8).
_IGNORED_UPGRADE: Final = (
    ("Upgrade: h2c", [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABk")]),
    ("Upgrade: foo", [("Connection", "Upgrade"), ("Upgrade", "foo")]),
    ("Upgrade: websocket, h2c", [("Connection", "Upgrade"), ("Upgrade", "websocket, h2c")]),
    ("Upgrade: h2c after websocket", [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Upgrade", "h2c")]),
    ("Upgrade: h2c before websocket", [("Connection", "Upgrade"), ("Upgrade", "h2c"), ("Upgrade", "websocket")]),
)


class Expect(Enum):
    """What has to become of a probe."""

    DECIDED = "Bastion decides it, and refuses as policy says"
    OPEN = "Bastion decides it, and lets it in as policy says"
    OURS = "Bastion answers it itself"
    REFUSED = "Bastion refuses it with 400"
    NO_SUCCESS = "whoever refuses it"
    NO_SITE = "no app answers it"


@dataclass(frozen=True, slots=True)
class Probe:
    """statuses: of which the answer has to have one; empty: any. secret: must not come back. host: for Host.

    unless_let_in: says nothing to who is let in without its headers too.
    """

    group: str
    name: str
    expect: Expect
    host: str
    target: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    statuses: frozenset[int] = field(default_factory=frozenset)
    secret: str = ""
    unless_let_in: bool = False

    @property
    def request(self) -> bytes:
        """As it goes over the wire."""
        pairs = [("Host", self.host), ("User-Agent", "bastion-caddy-check"), ("Accept", "*/*"), *self.headers]
        head = f"{self.method} {self.target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in pairs)
        return head.encode("latin-1") + b"\r\n" + self.body


@dataclass(frozen=True, slots=True)
class Marks:
    """Words that occur nowhere else, so that what comes back can be told apart. path: in URLs. secret: in headers."""

    path: str
    secret: str


@dataclass(frozen=True, slots=True)
class Ground:
    """Where the probes go. authority: of the URL, with its port. paths: to be asked for, besides those of policy."""

    strangers: Strangers
    authority: str
    marks: Marks
    paths: tuple[str, ...]


def probes(ground: Ground) -> Iterator[Probe]:
    """In the order in which a person would want to read them."""
    closed = ground.strangers.closed_path(ground.marks.path)
    yield from _matchers(ground)
    yield from _own(ground)
    yield from _refused(ground, closed)
    yield from _hosts(ground)
    yield from _identity(ground, closed)
    yield from _forwarded(ground, closed)
    yield from _addresses(ground)
    yield from _bodies(ground, closed)
    yield from _methods(ground, closed)
    yield from _destinations(ground, closed)
    yield from _paths(ground, closed)
    yield _oversized(ground, closed)
    for path in ground.strangers.open_paths(ground.marks.path)[:1]:
        yield from _echoes(ground, path)


def _decided(ground: Ground, group: str, name: str, target: str, method: str = "GET") -> Probe:
    """By what policy says of it."""
    statuses = ground.strangers.statuses(method, target)
    expect = Expect.OPEN if ground.strangers.lets_in(method, target) else Expect.DECIDED
    if expect is Expect.OPEN:
        statuses = frozenset()
    return Probe(group, name, expect, ground.authority, target, method, statuses=statuses)


def _with(probe: Probe, *headers: tuple[str, str], secret: str = "", body: bytes = b"") -> Probe:
    return Probe(
        probe.group, probe.name, probe.expect, probe.host, probe.target, probe.method, headers, body, probe.statuses,
        secret,
    )  # fmt: skip


def _matchers(ground: Ground) -> Iterator[Probe]:
    mark = ground.marks.path
    for path in dict.fromkeys([f"/{mark}", "/", *ground.paths, *ground.strangers.sample_paths(mark)]):
        yield _decided(ground, "path", path.replace(mark, "..."), path)


def _own(ground: Ground) -> Iterator[Probe]:
    for path in ("/.bastion/", "/.bastion/callback", "/.bastion/logout", f"/.bastion/{ground.marks.path}"):
        name = path.replace(ground.marks.path, "...")
        yield Probe("bastion", name, Expect.OURS, ground.authority, path)


def _refused(ground: Ground, target: str) -> Iterator[Probe]:
    for group, tricks in (("connection", _CONNECTION), ("upgrade", _NO_UPGRADE)):
        for name, headers in tricks:
            yield Probe(group, name, Expect.REFUSED, ground.authority, target, headers=tuple(headers))
    for name, headers in _IGNORED_UPGRADE:
        yield _with(_decided(ground, "upgrade", name, target), *headers)
    yield Probe("upgrade", "CONNECT", Expect.NO_SUCCESS, ground.authority, ground.authority, "CONNECT")


def _hosts(ground: Ground) -> Iterator[Probe]:
    unknown, name = f"{ground.marks.path}.invalid", ground.strangers.host
    for host, told in ((unknown, "unknown"), ("127.0.0.1", "an address"), (f"{name}.{unknown}", "ours as a label")):
        yield Probe("host", f"Host: {told}", Expect.NO_SITE, host, "/")
    for host in (f"{name}.", f"x@{name}", f"{name}, {unknown}"):
        yield Probe("host", f"Host: {host.replace(unknown, '...')}", Expect.NO_SITE, host, f"/{ground.marks.path}")
    target = f"http://{unknown}/"
    yield Probe("host", "another in the request line", Expect.NO_SITE, ground.authority, target)
    upper = _decided(ground, "host", "Host: in capitals", f"/{ground.marks.path}")
    yield Probe("host", upper.name, upper.expect, ground.authority.upper(), upper.target, statuses=upper.statuses)


def _identity(ground: Ground, closed: str) -> Iterator[Probe]:
    secret = ground.marks.secret
    for header in _SPELLINGS:
        yield _with(_decided(ground, "identity", header, closed), (header, secret), secret=secret)
    both = _decided(ground, "identity", "Remote-User and Authorization", closed)
    yield _with(both, ("Remote-User", secret), ("Authorization", "Basic YWRtaW46YWRtaW4="), secret=secret)
    upgrade = _decided(ground, "upgrade", "Upgrade: websocket", closed)
    yield _with(upgrade, ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"))
    for cookie in ("__Host-bastion=v1.x.y", "__Host-bastion=; __Host-bastion=x", " __Host-bastion =x"):
        yield _with(_decided(ground, "identity", f"Cookie: {cookie}", closed), ("Cookie", cookie))


def _forwarded(ground: Ground, closed: str) -> Iterator[Probe]:
    opened = next(iter(ground.strangers.open_paths(ground.marks.path)), "/")
    tricks = [
        ("X-Forwarded-Uri", opened), ("X-Forwarded-Method", "OPTIONS"), ("X-Forwarded-Host", "auth.invalid"),
        ("X-Forwarded-Proto", "gopher"), ("X-Forwarded-Prefix", opened), ("X-Original-Uri", opened),
        ("X-Original-URL", opened), ("X-Rewrite-Url", opened), ("X-Http-Method-Override", "OPTIONS"),
        ("X-Method-Override", "OPTIONS"), ("X-Request-Id", ground.marks.secret), ("X-Forwarded-For", "127.0.0.1"),
    ]  # fmt: skip
    for header, value in tricks:
        secret = value if value == ground.marks.secret else ""
        yield _with(_decided(ground, "forwarded", f"{header}: {value}", closed), (header, value), secret=secret)


def _addresses(ground: Ground) -> Iterator[Probe]:
    """Where an address alone opens a path, by naming that address."""
    for path, address in ground.strangers.guarded_by_address(ground.marks.path):
        for header, value in (("X-Forwarded-For", address), ("X-Real-Ip", address), ("Forwarded", f"for={address}")):
            name = f"{header}: {value} at {path.replace(ground.marks.path, '...')}"
            yield Probe(
                "address", name, Expect.DECIDED, ground.authority, path, headers=((header, value),),
                unless_let_in=True,
            )  # fmt: skip


def _bodies(ground: Ground, closed: str) -> Iterator[Probe]:
    """Whose body is itself a question to the decision listener (threats.md P4)."""
    question = (
        f"GET /decide HTTP/1.1\r\nHost: {ground.strangers.host}\r\nX-Request-Id: {ground.marks.path}\r\n"
        f"X-Forwarded-Method: GET\r\nX-Forwarded-Uri: {closed}\r\nX-Forwarded-Host: {ground.strangers.host}\r\n"
        "X-Forwarded-Proto: https\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n"
    ).encode()
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(question), question)
    for method, target in (("GET", closed), ("GET", f"{closed}?"), ("POST", closed), ("POST", f"{closed}?x=1")):
        for name, header, body in (
            ("Content-Length", ("Content-Length", str(len(question))), question),
            ("chunked", ("Transfer-Encoding", "chunked"), chunked),
        ):
            query = target.removeprefix(closed)
            probe = _decided(ground, "body", f"{method} ...{query} with a question inside, {name}", target, method)
            yield _with(probe, header, body=body)


def _methods(ground: Ground, closed: str) -> Iterator[Probe]:
    for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", "FOO"):
        probe = _decided(ground, "method", method, closed, method)
        yield _with(probe, ("Content-Length", "0")) if method in ("POST", "PUT") else probe


def _destinations(ground: Ground, closed: str) -> Iterator[Probe]:
    """A closed path as what an open one is moved to."""
    for path in ground.strangers.open_paths(ground.marks.path)[:1]:
        base = path.rpartition("/")[0]
        url = f"https://{ground.authority}{closed}"
        for to in (closed, url, f"{base}/%2e%2e{closed}", f"https://elsewhere.invalid{path}"):
            if ground.strangers.lets_in("MOVE", path, to):
                continue
            name = f"MOVE to {to.replace(ground.marks.path, '...')}"
            statuses = ground.strangers.statuses("MOVE", path, to)
            probe = Probe("destination", name, Expect.DECIDED, ground.authority, path, "MOVE", statuses=statuses)
            yield _with(probe, ("Destination", to))


def _paths(ground: Ground, closed: str) -> Iterator[Probe]:
    """What an app may read as the closed path although it looks like an open one, and the other way round."""
    mark = ground.marks.path
    rest = closed.lstrip("/")
    spelled = [
        f"/{closed}", f"{closed}/", f"{closed}?x=/", f"{closed};x=1", f"/./{rest}", f"/%2e/{rest}", f"/x/../{rest}",
        f"/{rest.replace(mark[0], f'%{ord(mark[0]):02x}', 1)}", f"/%2f{rest}", f"{closed}%00", f"{closed}%20",
        f"{closed}%0d%0aRemote-User:%20admin", f"{closed}%3fx", f"{closed}%23x", f"/\\{rest}", f"/{rest.upper()}",
    ]  # fmt: skip
    for path in ground.strangers.open_paths(mark)[:2]:
        base = path.rpartition("/")[0]
        spelled += [
            f"{base}/../{rest}", f"{base}/%2e%2e/{rest}", f"{base}/..%2f{rest}", f"{base}/..;/{rest}",
            f"{base}/.%2e%2f{rest}", f"{base}/..%5c{rest}", f"{base}//../{rest}", f"{base}/%252e%252e/{rest}",
            f"{closed}/..{base}/x",
        ]  # fmt: skip
    for target in dict.fromkeys(spelled):
        probe = _decided(ground, "spelling", target.replace(mark, "..."), target)
        if probe.expect is Expect.DECIDED:
            probe = Probe("spelling", probe.name, Expect.NO_SUCCESS, probe.host, target, statuses=probe.statuses)
        yield probe


def _oversized(ground: Ground, closed: str) -> Probe:
    """More than Bastion reads: Caddy may answer in its place, and an app behind handle_errors must not (P2)."""
    probe = Probe("oversized", f"{_OVERSIZED} bytes of headers", Expect.NO_SUCCESS, ground.authority, closed)
    return _with(probe, ("X-Filler", "x" * _OVERSIZED))


def _echoes(ground: Ground, path: str) -> Iterator[Probe]:
    """On a path that everybody may see, where an app that shows its headers gives away what reached it."""
    secret = ground.marks.secret
    for header in (*_SPELLINGS, *_ECHOED):
        probe = _decided(ground, "echo", f"{header} at {path.replace(ground.marks.path, '...')}", path)
        yield _with(probe, (header, secret), secret=secret)
