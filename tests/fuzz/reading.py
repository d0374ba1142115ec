"""A second, strict reading of what the proxy sends, and what the listener's answers must have to do with it.

It shares no code with the product: whoever is let in must be let in by this too.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from gateway.web.forward_auth.connection import MAX_HEADER_BYTES, MAX_HEADERS
from tests.fuzz.wire import Facts, Talk, talk

_FIRST = re.compile(rb"(?:GET|HEAD) +/decide(?:\?[!-~]*)?(?: +(?:HTTP|RTSP)/[0-9]\.[0-9])?")
_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~\x80-\xff]*)")
_ID = re.compile(rb"[0-9A-Za-z-]{8,64}")
_URI = re.compile(rb"/[!\"$-~\x80-\xff]*")
_HOST = re.compile(rb"([A-Za-z0-9.-]{1,253})(?::[0-9]{0,5})?")
_NEEDED = ("host", "x-request-id", "x-forwarded-uri", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-method")


def heads(raw: bytes) -> list[bytes]:
    """Whatever ends as a head does, in order, without the empty lines before each; the last one has no end."""
    found = []
    rest = raw.lstrip(b"\r\n")
    while (end := rest.find(b"\r\n\r\n")) >= 0:
        found.append(rest[: end + 4])
        rest = rest[end + 4 :].lstrip(b"\r\n")
    return [*found, rest]


def fields(head: bytes) -> dict[str, list[bytes]] | None:
    """None: one of the lines is no header."""
    lines = [_LINE.fullmatch(line) for line in head[:-4].split(b"\r\n")[1:]]
    found: dict[str, list[bytes]] = {}
    for line in lines:
        if line is None:
            return None
        found.setdefault(line[1].decode().lower(), []).append(line[2])
    return found


def question(head: bytes) -> Facts | None:
    """None: nobody may be let in by this."""
    found = fields(head)
    if found is None or len(head) > MAX_HEADER_BYTES or not _FIRST.fullmatch(head.split(b"\r\n")[0]):
        return None
    if sum(map(len, found.values())) > MAX_HEADERS or carries_body(head):
        return None
    if any(len(found.get(name, [])) != 1 for name in (*_NEEDED, "x-forwarded-for")):
        return None
    host, sent_id, uri, forwarded_host, proto, _ = (found[name][0] for name in _NEEDED)
    hosts = [match[1].lower() for match in map(_HOST.fullmatch, (host, forwarded_host)) if match]
    good = _ID.fullmatch(sent_id) and _URI.fullmatch(uri) and proto in (b"https", b"http")
    if not good or len(hosts) != 2 or hosts[0] != hosts[1] or b"," in found["x-forwarded-for"][0]:
        return None
    return sent_id.decode(), hosts[0].decode(), uri.decode("latin-1")


def carries_body(head: bytes) -> bool:
    """A line is enough that any server might take for the announcement of one."""
    announced = re.findall(rb"(?im)^(content-length|transfer-encoding)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r?$", head)
    return any(name.lower() != b"content-length" or value != b"0" for name, value in announced)


async def judge(raw: bytes, cuts: Sequence[int]) -> Talk:
    """Raises AssertionError where one of the promises is broken. cuts: where the same bytes come apart."""
    whole = await talk([raw])
    check(raw, whole)
    edges = sorted({0, len(raw), *(cut % (len(raw) + 1) for cut in cuts)})
    pieces = [raw[start:end] for start, end in pairwise(edges)]
    for apart in (await talk(pieces), await talk(pieces, strangers=True)):
        assert (apart.written, apart.closed, apart.asked) == (whole.written, whole.closed, whole.asked), edges
        assert not apart.stuck
    for ended in (await talk([raw], ends=True), await talk(pieces, ends=True, strangers=True)):
        assert [told.status for told in ended.told] == [told.status for told in whole.told]
        assert ended.closed
    return whole


def check(raw: bytes, seen: Talk) -> None:
    """The promises about one connection that the proxy doesn't end. Raises AssertionError."""
    asked, told, found = heads(raw), seen.told, heads(raw)
    assert not seen.aborted, "a mistake of ours"
    assert not seen.after_close, "an answer that nobody gets"
    assert not seen.stuck, "nothing is read, and nothing would change that"
    assert len(told) <= len(asked) - (not asked[-1]), "more answers than questions"
    assert [one.facts for one in told if one.status == 200] == seen.asked, (
        "answers out of order, or of nobody's question"
    )
    assert not any(one.last for one in told[:-1]), "an answer after the last"
    assert seen.closed == bool(told and told[-1].last), "closed without a word, or not closed after it"
    for head, one in zip(found, told, strict=False):
        if one.status == 200:
            assert one.facts == question(head), "let in by what is no question"
        elif carries_body(head):
            assert one.last, "what follows a body is read"
            assert one.status in (400, 431)
