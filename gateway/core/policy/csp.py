"""Owns the grammar of Content-Security-Policy: directives, and sources written without inner quotes and colons."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from gateway.core.errors import GatewayError
from gateway.core.policy.places import did_you_mean

Directives = Mapping[str, str]  # directive -> its value as the header has it
ANCESTORS: Final = "frame-ancestors"
_FETCH: Final = (
    "default-src", "script-src", "script-src-elem", "script-src-attr", "style-src", "style-src-elem", "style-src-attr",
    "img-src", "font-src", "connect-src", "media-src", "object-src", "frame-src", "child-src", "worker-src",
    "manifest-src", "base-uri", "form-action",
)  # fmt: skip
_FLAGS: Final = ("upgrade-insecure-requests", "block-all-mixed-content")
_TOKENS: Final = ("sandbox", "report-uri", "report-to", "trusted-types")
_QUOTED_TOKENS: Final = ("require-trusted-types-for",)
DIRECTIVES: Final = (*_FETCH, *_FLAGS, *_TOKENS, *_QUOTED_TOKENS)
_KEYWORDS: Final = frozenset({
    "self", "none", "unsafe-inline", "unsafe-eval", "unsafe-hashes", "strict-dynamic", "report-sample",
    "wasm-unsafe-eval", "inline-speculation-rules",
})  # fmt: skip
_SCHEMES: Final = frozenset({"data", "blob", "https", "http", "ws", "wss", "mediastream", "filesystem"})
_HASH: Final = re.compile(r"sha(256|384|512)-[A-Za-z0-9+/_-]{43,88}={0,2}")
_HOST_SOURCE: Final = re.compile(
    r"\*|(?:[a-z][a-z0-9+.-]*://)?(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::(?:[0-9]{1,5}|\*))?(?:/[!-+\--:<-~]*)?",
    re.IGNORECASE,
)
_TOKEN: Final = re.compile(r"[!-+\--:<-~]+")  # visible ASCII but , and ; which would end the value
_TEXT: Final = re.compile(r"[ -~]*")


class BadCsp(GatewayError):
    """Says what is wrong with a directive or a source, and what to write."""


def directive(name: str, words: Iterable[str]) -> str:
    """The value of a directive, from words as the policy has them. Raises BadCsp."""
    known_directive(name)
    if name in _FLAGS:
        raise BadCsp(f"{name} takes no sources; expected true")
    if name in _TOKENS:
        return " ".join(map(_token, words))
    if name in _QUOTED_TOKENS:
        return " ".join(f"'{_token(word)}'" for word in words)
    return sources(words)


def flag(name: str) -> str:
    """The value of a directive that is just there. Raises BadCsp."""
    known_directive(name)
    if name not in (*_FLAGS, "sandbox"):
        raise BadCsp(f"{name} needs sources; expected such as self or none")
    return ""


def sources(words: Iterable[str]) -> str:
    """Raises BadCsp."""
    written = [_source(word) for word in words]
    if "'none'" in written and len(written) > 1:
        raise BadCsp("none beside other sources means nothing; expected none alone, or the others")
    return " ".join(written)


def pasted(text: str) -> Directives:
    """A whole policy as text. Raises BadCsp."""
    if not _TEXT.fullmatch(text) or "," in text:
        raise BadCsp("a pasted policy is one line of visible ASCII without commas; expected directives between ;")
    found: dict[str, str] = {}
    for part in text.split(";"):
        name, _, value = part.strip().partition(" ")
        if name:
            known_directive(name.lower())
            if name.lower() in found:
                raise BadCsp(f"{name} comes twice, and browsers take the first; expected it once")
            _judge_pasted(name.lower(), value.split())
            found[name.lower()] = " ".join(value.split())
    return found


def _judge_pasted(name: str, words: list[str]) -> None:
    """What browsers would take for a host, or ignore. Raises BadCsp."""
    for at, word in enumerate(words):
        if word.lower() in (*DIRECTIVES, ANCESTORS):
            known_directive(word.lower())
            apart = f"{' '.join([name, *words[:at]])}; {' '.join(words[at:])}"
            raise BadCsp(f"{word} stands among the sources of {name}: a ; is missing; write `{apart}`")
        if name in _FETCH and (word.lower() in _KEYWORDS or _HASH.fullmatch(word)):
            raise BadCsp(f"{word} without quotes is a host to browsers; write '{word}'")
        if name in _FETCH and word[:1] == "'" and not _is_quoted_source(word):
            meant = did_you_mean(word.strip("'").lower(), _KEYWORDS)
            raise BadCsp(f"{word} is no source, and browsers ignore it; expected a keyword in quotes{meant}")
    if name in _FETCH and "'none'" in map(str.lower, words) and len(words) > 1:
        raise BadCsp(f"'none' beside other sources of {name} means nothing; expected 'none' alone, or the others")


def _is_quoted_source(word: str) -> bool:
    inner = word[1:-1]
    return word.endswith("'") and (inner.lower() in _KEYWORDS or _HASH.fullmatch(inner) is not None)


def joined(directives: Directives) -> str:
    return "; ".join(f"{name} {value}".rstrip() for name, value in directives.items())


def known_directive(name: str) -> None:
    """Raises BadCsp."""
    if name == ANCESTORS:
        raise BadCsp("frame-ancestors has a key of its own; expected frame_ancestors beside csp")
    if name not in DIRECTIVES:
        raise BadCsp(f"`{name}` is no directive; expected {', '.join(DIRECTIVES)}{did_you_mean(name, DIRECTIVES)}")


def _source(word: str) -> str:
    if len(word) > 1 and word[0] == word[-1] == "'":
        raise BadCsp(f"source `{word}` has inner quotes; expected {word[1:-1]}")
    if word in _KEYWORDS or _HASH.fullmatch(word):
        return f"'{word}'"
    if word in _SCHEMES:
        return f"{word}:"
    if word.removesuffix(":") in _SCHEMES:
        raise BadCsp(f"source `{word}` has a colon; expected {word[:-1]}")
    if word.startswith("nonce-"):
        raise BadCsp("a nonce that is the same for every answer protects nothing; expected a hash, or csp: app")
    if not _HOST_SOURCE.fullmatch(word):
        raise BadCsp(f"`{word}` is no source; expected a keyword (self), a scheme (data), a host or an URL")
    if "." not in word and "/" not in word and ":" not in word and word not in ("*", "localhost"):
        raise BadCsp(f"`{word}` is no keyword or scheme{did_you_mean(word, _KEYWORDS | _SCHEMES)}")
    return word


def _token(word: str) -> str:
    if not _TOKEN.fullmatch(word):
        raise BadCsp(f"`{word}` is no word of a directive; expected visible ASCII without , and ;")
    return word
