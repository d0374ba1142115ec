"""Owns how an answer of the decision listener stands on the wire."""

from typing import Final

from gateway.core.forward.answer import Answer

_REASONS: Final = {
    200: b"OK", 204: b"No Content", 302: b"Found", 303: b"See Other", 400: b"Bad Request", 401: b"Unauthorized",
    403: b"Forbidden", 404: b"Not Found", 405: b"Method Not Allowed", 413: b"Content Too Large",
    421: b"Misdirected Request", 425: b"Too Early", 429: b"Too Many Requests",
    431: b"Request Header Fields Too Large", 503: b"Service Unavailable",
}  # fmt: skip
_STATUS_LINES: Final = {status: b"HTTP/1.1 %d %s\r\n" % (status, reason) for status, reason in _REASONS.items()}
_NO_CONTENT: Final = 204


def plain(status: int, why: str, more: bytes = b"") -> Answer:
    head = b"Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n" + more
    return Answer(status, head, f"Bastion: {why}.\n".encode(), "refused", "", why)


def rendered(answer: Answer, *, head_only: bool, last: bool) -> bytes:
    line = _STATUS_LINES.get(answer.status) or b"HTTP/1.1 %d Other\r\n" % answer.status
    length = b"" if answer.status == _NO_CONTENT else b"Content-Length: %d\r\n" % len(answer.body)
    close = b"Connection: close\r\n" if last else b""
    return b"".join((line, answer.head, length, close, b"\r\n", b"" if head_only else answer.body))
