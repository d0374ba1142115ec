"""Owns the reading of JWS compact serialisation (RFC 7515), strictly: one text, one meaning, no library's leniency.

PyJWT takes duplicate members, padding and any `typ`; a parser that differs from the next one is how tokens are forged.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final, Never

from gateway.core.base64url import unb64_strict
from gateway.core.errors import GatewayError

LONGEST: Final = 4096
MOST_DEPTH: Final = 16
_LONGEST_NAME: Final = 256  # of kid, alg, typ
_LATEST_S: Final = 1 << 40  # far beyond any date, and every sum with it stays small
_SHAPE: Final = re.compile(r"([\w-]+)\.([\w-]+)\.([\w-]+)", re.ASCII)
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET: Final = re.compile(r"[\[\]{}]")
# Each changes what a signature means or where its key comes from (RFC 7515 4.1, 7797, 7516); RFC 8725 has them refused.
_REFUSED_MEMBERS: Final = ("crit", "b64", "enc", "zip", "cty", "jku", "x5u", "x5c")


class MalformedJose(GatewayError):
    """Names the rule that was broken, never the value."""


class Compact:
    """A token that is well-formed, and nothing more: no signature was verified.

    alg, kid, typ: of the header, "" where absent; typ in lower case and without `application/` (RFC 7515 4.1.9).
    """

    __slots__ = ("alg", "header", "kid", "payload", "signature", "signing_input", "typ")

    def __init__(
        self, header: Mapping[str, object], payload: Mapping[str, object], signing_input: bytes, signature: bytes
    ) -> None:
        self.header = header
        self.payload = payload
        self.signing_input = signing_input
        self.signature = signature
        self.alg = _name(header, "alg")
        self.kid = _name(header, "kid")
        self.typ = _name(header, "typ").lower().removeprefix("application/")

    def text(self, claim: str) -> str:
        """Raises MalformedJose unless the claim is a string of at least one character."""
        value = self.payload.get(claim)
        if not isinstance(value, str) or not value:
            raise MalformedJose(f"{claim} is not a string")
        return value

    def seconds(self, claim: str) -> int:
        """Unix seconds. Raises MalformedJose unless the claim is a whole number that can be a date."""
        value = self.payload.get(claim)
        if type(value) is not int or not 0 <= value <= _LATEST_S:  # not isinstance: True is an int
            raise MalformedJose(f"{claim} is not a whole number of seconds")
        return value


def parse_compact(
    text: str, *, longest: int = LONGEST, embedded_key: bool = False, header: Mapping[str, object] | None = None
) -> Compact:
    """Raises MalformedJose. embedded_key: whether the header may bring a `jwk`, as that of a DPoP proof does.

    header: what the same first part was read as before, so that it is not read again.
    """
    if len(text) > longest:
        raise MalformedJose(f"longer than {longest} characters")
    found = _SHAPE.fullmatch(text)
    if found is None:
        raise MalformedJose("not three parts of base64url without padding")
    try:
        payload, signature = unb64_strict(found[2]), unb64_strict(found[3])
        members = _header(found[1], embedded_key=embedded_key) if header is None else header
    except ValueError as error:
        raise MalformedJose("a part is not base64url without unused bits") from error
    return Compact(members, read_object(payload), text[: found.end(2)].encode(), signature)


def _header(part: str, *, embedded_key: bool) -> Mapping[str, object]:
    """Raises MalformedJose, or ValueError where it is not base64url."""
    members = read_object(unb64_strict(part))
    for member in _REFUSED_MEMBERS if embedded_key else (*_REFUSED_MEMBERS, "jwk"):
        if member in members:
            raise MalformedJose(f"the header has {member}")
    if "alg" not in members:
        raise MalformedJose("the header has no alg")
    return members


def read_object(raw: bytes) -> dict[str, object]:
    """One JSON object without duplicate members, NaN, infinity, lone surrogates, NUL or deep nesting.

    Raises MalformedJose.
    """
    try:
        text = raw.decode()
        _refuse_depth(text)
        value = _DECODER.decode(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate fails here and not in a store
    except UnicodeError as error:
        raise MalformedJose("not UTF-8 text") from error
    except ValueError as error:
        raise MalformedJose("not JSON") from error
    if not isinstance(value, dict):
        raise MalformedJose("not a JSON object")
    if "\\u0000" in text:
        raise MalformedJose("a string has NUL")  # Postgres stores none; an escaped backslash before it is refused too
    return value


def _refuse_depth(text: str) -> None:
    """Before the decoder, which recurses."""
    if text.count("{") + text.count("[") <= MOST_DEPTH:
        return
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > MOST_DEPTH:
            raise MalformedJose("JSON is nested too deeply")


def _members(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    pairs = list(pairs)
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedJose("JSON has a member twice")
    return members


def _number(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise MalformedJose("JSON has a number out of range")
    return value


def _refuse_constant(_text: str) -> Never:
    raise MalformedJose("JSON has NaN or Infinity")


def _name(header: Mapping[str, object], member: str) -> str:
    value = header.get(member, "")
    if not isinstance(value, str) or len(value) > _LONGEST_NAME:
        raise MalformedJose(f"{member} of the header is not a string of at most {_LONGEST_NAME} characters")
    return value


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_members, parse_float=_number, parse_constant=_refuse_constant)
