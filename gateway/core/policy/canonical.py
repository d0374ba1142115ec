"""Owns the canonical form of a request: its host, its method, and every way in which an app may read its path."""

import re
import string
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import unquote_to_bytes

from gateway.core.policy.facts import Refused

# What a route decides that names no methods: the IANA registry without CONNECT, PRI and TRACE, which no app behind a
# gateway has a use for.
# fmt: off
METHODS: Final = frozenset((
    "ACL", "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "COPY", "DELETE", "GET", "HEAD", "LABEL", "LINK",
    "LOCK", "MERGE", "MKACTIVITY", "MKCALENDAR", "MKCOL", "MKREDIRECTREF", "MKWORKSPACE", "MOVE", "OPTIONS",
    "ORDERPATCH", "PATCH", "POST", "PROPFIND", "PROPPATCH", "PUT", "QUERY", "REBIND", "REPORT", "SEARCH", "UNBIND",
    "UNCHECKOUT", "UNLINK", "UNLOCK", "UPDATE", "UPDATEREDIRECTREF", "VERSION-CONTROL",
))
# fmt: on
# The header Destination. RFC 4918 has it for the first two. RFC 5842 names resources in the body, its drafts did here.
TAKE_DESTINATION: Final = frozenset(("COPY", "MOVE", "BIND", "REBIND"))
Segments = tuple[str, ...]
_MOST_CHARACTERS: Final = 8192
_MOST_READINGS: Final = 64
_FEW_READINGS: Final = 8
_MOST_WORK: Final = 32_768  # characters in all readings of one path, so that nobody buys our time with a long one
METHOD_CHARS: Final = 32
_METHOD: Final = re.compile(rf"(?!-)[A-Z-]{{1,{METHOD_CHARS}}}(?<!-)")
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORT: Final = re.compile(r":[0-9]{0,5}\Z")
_MOST_HOST_CHARACTERS: Final = 253
# Nothing encoded, no oddity, no segment that is or ends in dots: such a path has one reading.
_PLAIN: Final = re.compile(r"(?:/\.?[\w~!$&'()*+,=:@-]+(?:\.[\w~!$&'()*+,=:@-]+)*)*/?", re.ASCII)
_VISIBLE: Final = re.compile(r"/[!\"$-~]*")  # visible ASCII but #, at which some apps cut
_BROKEN_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PERCENT: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_RAW_PARAMETERS: Final = re.compile(r";[^/]*")
_UPPER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}

# While readings are made, a path is one text in which _S stands before each segment; no decoding yields these two.
_S: Final = "\ud800"
_KEPT: Final = "\ud801"  # before a letter that was encoded without need, and where an empty segment was
_BARE: Final = frozenset(f"{string.ascii_letters}{string.digits}-._~!$&'()*+,=:@")  # RFC 3986 pchar without ;
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_DOT_SEGMENT: Final = re.compile(rf"{_S}(?=[ .]*\.)[ .]+(?={_S}|\Z)")
_ENDING: Final = re.compile(rf"(?<=[^{_S} .])[ .]+(?={_S}|\Z)")
_WALL: Final = re.compile(rf"(?<=[^{_S}]){_S}(?:{_S}+|\Z)")
_EMPTY_SEGMENT: Final = re.compile(rf"{_S}(?={_S}|\Z)")
_PARAMETERS: Final = re.compile(rf";[^{_S}]*")
_NOT_UTF8: Final = re.compile(r"[\udc80-\udcff]")
# Longer forms of ASCII that no encoder writes and some decoders accept: %c0%af for /.
_OVERLONG: Final = re.compile(
    r"[\udcc0\udcc1][\udc80-\udcbf]|\udce0[\udc80-\udc9f][\udc80-\udcbf]|\udcf0[\udc80-\udc8f][\udc80-\udcbf]{2}"
)
_REFUSALS: Final = {_CONTROL: "a control byte", _DOT_SEGMENT: "a dot segment", _OVERLONG: "an overlong encoding"}


class Oddity(Enum):
    """What apps read differently; `path_accepts` takes these words."""

    ENCODED_SLASH = "encoded_slash"
    ENCODED_PERCENT = "encoded_percent"
    DOUBLE_SLASH = "double_slash"
    SEMICOLON = "semicolon"
    BACKSLASH = "backslash"
    NOT_UTF8 = "not_utf8"


@dataclass(frozen=True, slots=True)
class Readings:
    """each: at least one, the first is the path as it is; segments are decoded and a trailing slash is gone.

    For look-up by literal_key and, for all else, without_marks.
    """

    each: tuple[Segments, ...]
    oddities: frozenset[Oddity]


def is_method(method: str) -> bool:
    return _METHOD.fullmatch(method) is not None


def canonical_host(host: str) -> str | None:
    """Lower case, without a port. None: no host name (an address, a final dot, anything but letters, digits, -, _)."""
    name = _PORT.sub("", host).lower() if host.isascii() else ""
    if len(name) > _MOST_HOST_CHARACTERS or not _HOST.fullmatch(name):
        return None
    return None if _NUMBER.fullmatch(name.rpartition(".")[2]) else name


def is_plain(path: str) -> bool:
    return path[:1] == "/" and len(path) <= _MOST_CHARACTERS and _PLAIN.fullmatch(path) is not None


def plain_segments(path: str) -> Segments:
    """Of a plain path. One trailing slash never matters."""
    return tuple(path[1:].removesuffix("/").split("/")) if len(path) > 1 else ()


def folded(text: str) -> str:
    """ASCII letters in lower case; no other letter changes, so K (the Kelvin sign) is not k."""
    return text.lower() if text.isascii() else text.translate(_UPPER)


def readings(path: str) -> Readings | Refused:
    """Every reading that some app may take the path for, starting with the path as it is, without its query.

    Refused for everyone: broken percent signs, control bytes and dot segments, in any of the readings.
    """
    if len(path) > _MOST_CHARACTERS:
        return _bad(f"a path of more than {_MOST_CHARACTERS} characters")
    if not _VISIBLE.fullmatch(path):
        return _bad("a path that doesn't start with / or holds bytes outside of visible ASCII")
    if _BROKEN_PERCENT.search(path):
        return _bad("a percent sign without two hexadecimal digits")
    # Some apps cut parameters off, or turn backslashes, before they decode; some after, with those that were encoded.
    cut, turned = _RAW_PARAMETERS.sub("", path), path.replace("\\", "/")
    starts = dict.fromkeys((path, cut, turned, _RAW_PARAMETERS.sub("", turned)))
    # And some compare before they decode: to them /%61dmin is not /admin.
    starts |= dict.fromkeys([_PERCENT.sub(_kept, start) for start in starts])
    return _all_readings([_decoded_once(start) for start in starts], len(path))


def literal_key(segment: str) -> str | None:
    """How a segment is looked up among literals."""
    return None if is_opaque(segment) else folded(segment)


def is_opaque(segment: str) -> bool:
    """Whether only `*`, `{name}` and `**` take it: a literal or an expression can't say what an app makes of it."""
    return _KEPT in segment or bool(_oddities(_S + segment))


def without_marks(segments: Segments) -> Segments:
    """As an app has them that decodes what it has found."""
    return tuple(segment.replace(_KEPT, "") for segment in segments)


def _all_readings(starts: list[str], length: int) -> Readings | Refused:
    # A // that only shows up in another reading, as in /queues/%2F/get, asks for no consent of its own.
    seen, waiting, odd = dict.fromkeys(starts), starts[:], set(_oddities(starts[0]))
    while waiting:
        text = waiting.pop()
        for shape, what in _REFUSALS.items():
            if shape.search(text):
                return _bad(what)
        if len(seen) > max(_FEW_READINGS, min(_MOST_READINGS, _MOST_WORK // length)):
            return _bad("a path with too many readings")
        odd |= _oddities(text) - {Oddity.DOUBLE_SLASH}
        fresh = [other for change in _CHANGES if (other := change(text).removesuffix(_S)) not in seen]
        seen.update(dict.fromkeys(fresh))
        waiting.extend(dict.fromkeys(fresh))
    return Readings(tuple(tuple(text.split(_S)[1:]) for text in seen), frozenset(odd))


def _bad(detail: str) -> Refused:
    return Refused(400, "bad_path", detail=detail)


def _decoded_once(path: str) -> str:
    return _S.join(["", *(_decoded(segment) for segment in path[1:].split("/"))]).removesuffix(_S)


def _decoded(segment: str) -> str:
    """Bytes that are no UTF-8 stay, as surrogates."""
    if not _PERCENT.search(segment):
        return segment
    if _KEPT in segment:
        return _KEPT.join(map(_decoded, segment.split(_KEPT)))
    return unquote_to_bytes(segment.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


def _kept(encoded: re.Match[str]) -> str:
    letter = chr(int(encoded[0][1:], 16))
    return _KEPT + letter if letter in _BARE else encoded[0]


def _oddities(text: str) -> frozenset[Oddity]:
    return frozenset(oddity for oddity, is_there in _SIGNS.items() if is_there(text))


_SIGNS: Final[dict[Oddity, Callable[[str], bool]]] = {
    Oddity.ENCODED_SLASH: lambda text: "/" in text,
    Oddity.ENCODED_PERCENT: lambda text: _PERCENT.search(text) is not None,
    Oddity.DOUBLE_SLASH: lambda text: _EMPTY_SEGMENT.search(text) is not None,
    Oddity.SEMICOLON: lambda text: ";" in text,
    Oddity.BACKSLASH: lambda text: "\\" in text,
    Oddity.NOT_UTF8: lambda text: _NOT_UTF8.search(text) is not None,
}
_CHANGES: Final[tuple[Callable[[str], str], ...]] = (
    lambda text: text.replace("/", _S),
    lambda text: text.replace("\\", _S),
    lambda text: _PARAMETERS.sub("", text),
    lambda text: _S.join(_decoded(segment) for segment in text.split(_S)),
    lambda text: _EMPTY_SEGMENT.sub("", text),
    lambda text: _WALL.sub(_KEPT, text),  # as Flask, to which /admin//x is not below /admin
    lambda text: _ENDING.sub("", text),  # as Windows reads names
)
