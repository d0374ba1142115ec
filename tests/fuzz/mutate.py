"""Breaks questions of the proxy as a mistake or an attacker would."""

import random
from collections.abc import Callable

_LATE_OR_NOT = ("/late/x", "/x", "/x?y=z", "/late/%2e%2e/x")
_TOKENS = (
    b"\r\n", b"\r", b"\n", b"\r\n\r\n", b"\n\n", b"\0", b" ", b"\t", b":", b",", b"\xff", b"\r\n ", b"\r\n\t",
    b"0\r\n\r\n", b"5\r\nhello\r\n", b"HTTP/1.0", b"HTTP/2.0", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"CONNECT", b"HEAD",
    b"POST", b"/decide", b"http://evil.example/decide", b"#", b"%00",
)  # fmt: skip
_LINES = (
    b"Content-Length: 0", b"Content-Length: 5", b"Content-Length : 5", b"content-length:+0", b"Content-Length: 0, 5",
    b"Content-Length: 18446744073709551616", b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity",
    b"Transfer-Encoding:\tchunked, gzip", b"Transfer_Encoding: chunked", b"Connection: close",
    b"Connection: keep-alive", b"Connection: Upgrade\r\nUpgrade: websocket", b"Upgrade: h2c", b"Expect: 100-continue",
    b"Host: evil.example", b"Host:", b"X-Forwarded-Uri: /admin", b"x-forwarded-uri: /admin", b"X-Forwarded-Uri:",
    b"X_Forwarded_Uri: /admin", b"X-Forwarded-Host: evil.example", b"X-Forwarded-For: 1.2.3.4, 5.6.7.8",
    b"X-Forwarded-Proto: https ", b"X-Request-Id: 00000000-evil", b"X-Forwarded-Method: CONNECT", b"X" * 300 + b": y",
    b"Authorization: Bearer x", b"authorization: DPoP eyJ.eyJ.x", b"Authorization:", b"Authorization: Basic YTpi",
    b"Authorization: Bearer bst_" + b"x" * 97, b"Authorization: Bearer bst_x", b"X-Api-Key: bst_" + b"x" * 97,
    b"x-api-key: bst_", b"Authorization: Basic eDpic3Rf" + b"eHh4" * 32 + b"eA==", b"Authorization: Basic",
    b"DPoP: eyJ.eyJ.x", b"Dpop: x, y", b"Authorization: Bearer " + b"x." * 2100,
    b"Cookie: __Host-bastion=a; __Host-bastion=b", b"Cookie:", b"Proxy-Connection: close", b"Trailer: X",
)  # fmt: skip


def a_question(draw: random.Random) -> bytes:
    """One that is answered 200, as the proxy asks it."""
    host = draw.choice((b"wiki.example.org", b"Wiki.Example.org:443"))
    lines = [
        draw.choice((b"GET /decide?x HTTP/1.1", b"GET /decide?x HTTP/1.1", b"HEAD /decide HTTP/1.1")),
        b"Host: " + host,
        b"X-Request-Id: %08d-4c0b" % draw.randrange(100_000_000),
        b"X-Forwarded-Method: GET",
        b"X-Forwarded-Uri: " + draw.choice(_LATE_OR_NOT).encode(),
        b"X-Forwarded-Host: " + host,
        b"X-Forwarded-Proto: https",
        b"X-Forwarded-For: 127.0.0.1",
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def questions(draw: random.Random) -> bytes:
    return b"".join(a_question(draw) for _ in range(draw.choice((1, 1, 2, 3, 5, 70))))


def mutated(raw: bytes, draw: random.Random) -> bytes:
    for _ in range(draw.randrange(4)):
        raw = draw.choice(_WAYS)(raw, draw)
    return raw


def _flip(raw: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(raw) + 1)
    return raw[:at] + bytes([draw.randrange(256)]) + raw[at + 1 :]


def _cut(raw: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(raw) + 1)
    return raw[:at] + raw[at + draw.choice((1, 2, 4, 40)) :]


def _end(raw: bytes, draw: random.Random) -> bytes:
    return raw[: draw.randrange(len(raw) + 1)]


def _insert(raw: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(raw) + 1)
    return raw[:at] + draw.choice(_TOKENS) + raw[at:]


def _with_line(raw: bytes, draw: random.Random) -> bytes:
    lines = raw.split(b"\r\n")
    lines.insert(draw.randrange(len(lines) + 1), draw.choice(_LINES))
    return b"\r\n".join(lines)


def _line_again(raw: bytes, draw: random.Random) -> bytes:
    lines = raw.split(b"\r\n")
    lines.insert(draw.randrange(len(lines) + 1), draw.choice(lines))
    return b"\r\n".join(lines)


def _line_away(raw: bytes, draw: random.Random) -> bytes:
    lines = raw.split(b"\r\n")
    del lines[draw.randrange(len(lines))]
    return b"\r\n".join(lines)


def _break_otherwise(raw: bytes, draw: random.Random) -> bytes:
    lines = raw.split(b"\r\n")
    at = draw.randrange(len(lines) + 1)
    other = draw.choice((b"\n", b"\r", b"\r\r\n", b"\r\n ", b"\0\r\n"))
    return b"\r\n".join(lines[:at]) + other + b"\r\n".join(lines[at:])


def _smuggle(raw: bytes, draw: random.Random) -> bytes:
    """A body that is a question itself."""
    inner, outer = a_question(draw), a_question(draw)
    line, body = draw.choice(bodies(inner))
    return raw + outer[:-2] + line + b"\r\n\r\n" + body


def bodies(inner: bytes) -> list[tuple[bytes, bytes]]:
    """Ways to announce and to send it; after each the next question may come."""
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(inner), inner)
    return [(b"Content-Length: %d" % len(inner), inner), (b"Transfer-Encoding: chunked", chunks)]


def _many_headers(raw: bytes, draw: random.Random) -> bytes:
    at = raw.find(b"\r\n") + 2
    return raw[:at] + b"A: b\r\n" * draw.choice((200, 248, 249, 250, 260)) + raw[at:]


def _long_header(raw: bytes, draw: random.Random) -> bytes:
    """As long as makes the first question as long as any may be, and one more."""
    at, end = raw.find(b"\r\n") + 2, raw.find(b"\r\n\r\n") + 4
    room = 65_536 - end - len(b"L: \r\n") + draw.choice((-1, 0, 1, 40_000))
    return raw[:at] + b"L: " + b"l" * max(room, 0) + b"\r\n" + raw[at:]


_WAYS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flip, _flip, _cut, _end, _insert, _insert, _with_line, _with_line, _with_line, _line_again, _line_away,
    _break_otherwise, _smuggle, _many_headers, _long_header,
)  # fmt: skip
