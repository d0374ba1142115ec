"""Owns the patterns of hosts and paths: what they look like, and what they take."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import re2

from gateway.core.errors import GatewayError
from gateway.core.policy.canonical import canonical_host, folded, is_opaque

_NAME: Final = re.compile(r"[a-z_][a-z0-9_]*", re.IGNORECASE | re.ASCII)
_CAPTURE: Final = re.compile(r"\{([^{}:]*)\}")
_EXPRESSION: Final = re.compile(r"\{([^{}:]*):(.+)\}", re.DOTALL)
_ENCODED: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_PORT: Final = re.compile(r":[0-9]*\Z")
_DOTS: Final = re.compile(r"\.{1,2}")
# ^/api/.*$, /api/.*, /api(/.*)?$, ^/api, /admin*, /admin**
_PREFIX: Final = re.compile(
    r"(?P<begin>\^?)/?(?P<path>(?:[\w/~@%,+=-]|\\?\.(?![*+]))*)"
    r"(?P<end>|/?\.[*+]|/\?|(?:\(/\.[*+]\)|\(/\|\$\)(?:\.\*)?)\??|(?<![/*])\*{1,2})\$?"
)
_MOST_SEGMENTS: Final = 32
_MOST_EXPRESSION: Final = 200


class BadPattern(GatewayError):
    """Says what is wrong with a pattern, what was expected, and what to write."""


@dataclass(frozen=True, slots=True)
class Literal:
    text: str


@dataclass(frozen=True, slots=True)
class Expression:
    """Takes a whole decoded segment. source: RE2 syntax."""

    source: str

    def compiled(self, *, case_sensitive: bool) -> "re2._Regexp[str]":
        return _compiled(self.source, case_sensitive=case_sensitive)


@dataclass(frozen=True, slots=True)
class One:
    """One segment or label, whatever it is."""


Step = Literal | Expression | One


@dataclass(frozen=True, slots=True)
class PathPattern:
    """steps: one for each segment. rest: whatever follows, also nothing. captures: name -> index of its step."""

    steps: tuple[Step, ...]
    rest: bool
    captures: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        names = {index: name for name, index in self.captures}
        written = [_written(step, names.get(index)) for index, step in enumerate(self.steps)]
        return "/" + "/".join([*written, "**"] if self.rest else written)

    def under(self, base: "PathPattern") -> "PathPattern":
        """base: literals only."""
        shift = len(base.steps)
        captures = tuple((name, index + shift) for name, index in self.captures)
        return PathPattern(base.steps + self.steps, self.rest, captures)


@dataclass(frozen=True, slots=True)
class HostPattern:
    """labels: from the right; None: any one label. rest: one or more further ones. captures: name -> index."""

    labels: tuple[str | None, ...]
    rest: bool
    captures: tuple[tuple[str, int], ...]

    @property
    def key(self) -> tuple[tuple[str | None, ...], bool]:
        """Equal for patterns that take the same hosts."""
        return self.labels, self.rest

    @property
    def exact(self) -> bool:
        return not self.rest and None not in self.labels


def path_pattern(text: str) -> PathPattern:
    """Raises BadPattern."""
    _refuse_oddities(text)
    written = list(_segments(text))
    rest = bool(written) and written[-1] == "**"
    steps, captures = list[Step](), list[tuple[str, int]]()
    for index, segment in enumerate(written[: len(written) - rest]):
        step, name = _step(text, segment)
        steps.append(step)
        if name:
            captures.append((name, index))
    if len(steps) > _MOST_SEGMENTS:
        raise BadPattern(f"{text} has more than {_MOST_SEGMENTS} segments; expected fewer")
    _refuse_twice(text, captures)
    return PathPattern(tuple(steps), rest, tuple(captures))


def host_pattern(text: str) -> HostPattern:
    """Raises BadPattern."""
    _refuse_url(text)
    written = text.split(".")[::-1]
    rest = len(written) > 1 and written[-1] == "**"
    labels, captures = list[str | None](), list[tuple[str, int]]()
    for index, label in enumerate(written[: len(written) - rest]):
        capture = _CAPTURE.fullmatch(label)
        if capture:
            captures.append((_capture_name(text, capture), index))
        elif "*" in label and label != "*":
            raise BadPattern(
                f"{text} has {label} inside; expected whole labels: a name, *, {{name}}, or ** at the start"
            )
        labels.append(None if capture or label == "*" else label.lower())
    _refuse_bad_host(text, labels)
    _refuse_twice(text, captures)
    return HostPattern(tuple(labels), rest, tuple(captures))


def _is_odd(text: str) -> bool:
    try:
        path_pattern(text)
    except BadPattern:
        return True
    return False


def _meant_by_expression(text: str) -> str:
    """For a path as regular expressions and prefixes have it, with everything below; "" where it is none of these."""
    match = _PREFIX.fullmatch(text)
    if match is None or (not match["end"] and not match["begin"]):
        return ""
    plain = "/" + match["path"].replace("\\", "").strip("/")
    is_exact = match["end"] in ("", "/?") and text.endswith("$")
    return plain if is_exact else f"{plain.rstrip('/')}/**"


def _refuse_oddities(text: str) -> None:
    meant = _meant_by_expression(text)
    if meant:
        raise BadPattern(f"{text} is a regular expression or a prefix; expected whole segments; write {meant}")
    if text.startswith("^"):
        raise BadPattern(f"{text} is a regular expression; expected whole segments such as /api/**, or {{name:RE2}}")
    if not text.startswith("/"):
        write = "" if _is_odd(f"/{text}") else f"; write /{text}"
        raise BadPattern(f"{text} is no path; expected one that starts with /{write}")
    before = text.partition("{")[0]
    if "?" in before:
        raise BadPattern(
            f"{text} has a query; expected a path; policy never sees queries (a client can repeat, reorder or post "
            f"them): route {before.partition('?')[0]}"
        )
    if _CONTROL.search(text) or "#" in before:
        raise BadPattern(f"{text!r} has a # or a control character, which no request can have; expected a path")
    if "//" in before:
        raise BadPattern(f"{text} has an empty segment; expected none; write {re.sub('/+', '/', text)}")


def _segments(text: str) -> Iterator[str]:
    """Split at the slashes outside of braces; one trailing slash never matters."""
    depth, segment = 0, ""
    for character in re.findall(r"\\.|.", text[1:].removesuffix("/")):
        depth += (character == "{") - (character == "}")
        if character == "/" and depth == 0:
            yield segment
            segment = ""
        else:
            segment += character
    if segment or text.removesuffix("/"):
        yield segment


def _step(text: str, segment: str) -> tuple[Step, str]:
    """The step and the name that it captures, if any."""
    if segment == "*":
        return One(), ""
    if segment == "**":
        without = text.partition("/**")[0]
        raise BadPattern(f"{text} has ** before its end; expected ** last; write * for one segment, or {without}/**")
    if capture := _CAPTURE.fullmatch(segment):
        return One(), _capture_name(text, capture)
    if expression := _EXPRESSION.fullmatch(segment):
        return Expression(_source(text, expression[2])), _capture_name(text, expression)
    return _literal(text, segment), ""


def _capture_name(text: str, match: "re.Match[str]") -> str:
    name = match[1]
    if not _NAME.fullmatch(name):
        raise BadPattern(f"{text} captures {name or 'nothing'!r}; expected a name of letters, digits and _")
    return name


def _literal(text: str, segment: str) -> Literal:
    if "*" in segment or "{" in segment or "}" in segment:
        expression = re.escape(segment).replace(r"\*", ".+").replace("/", "")
        raise BadPattern(
            f"{text} has * or braces inside a segment; expected whole segments; write '{{name:{expression}}}'"
        )
    if not segment or _DOTS.fullmatch(segment):
        raise BadPattern(f"{text} has {'a dot' if segment else 'an empty'} segment, which no request can have")
    if _ENCODED.search(segment):
        raise BadPattern(f"{text} is percent-encoded; expected it decoded (a request is decoded before it is compared)")
    if is_opaque(segment):
        raise BadPattern(f"{text} has ; or \\ in a literal, which no request matches; expected * in its place")
    return Literal(segment)


def _source(text: str, source: str) -> str:
    if len(source) > _MOST_EXPRESSION:
        raise BadPattern(f"{text} has an expression of more than {_MOST_EXPRESSION} characters; expected a shorter one")
    try:
        _compiled(source)
    except re2.error as error:
        said = error.args[0]
        reason = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise BadPattern(f"{text} has a broken expression: {reason}; expected RE2 syntax") from None
    return source


def _compiled(source: str, *, case_sensitive: bool = True) -> "re2._Regexp[str]":
    options = re2.Options()
    options.case_sensitive = case_sensitive
    options.log_errors = False
    options.max_mem = 1 << 20
    return re2.compile(source, options)


def _refuse_url(text: str) -> None:
    _scheme, has_scheme, rest = text.rpartition("://")
    host, has_path, _path = rest.partition("/")
    name = _PORT.sub("", host)
    write = f"; write {name}" if name else ""
    if has_scheme:
        raise BadPattern(f"{text} has a scheme; expected a host name alone{write}")
    if has_path and "{" not in host:
        raise BadPattern(f"{text} has a path; expected a host name alone, and paths in routes{write}")
    if text.startswith("."):
        raise BadPattern(f"{text} begins with a dot; expected a host name; write **{text} for all names below it")


def _refuse_bad_host(text: str, labels: Iterable[str | None]) -> None:
    names = ["x" if label is None else label for label in labels][::-1]
    if names and names[-1] == "x" and text.endswith(("*", "}")):
        raise BadPattern(f"{text} takes hosts of every domain; expected a domain at its end")
    if ":" in "".join(names):
        raise BadPattern(
            f"{text} has a port; expected a host name alone (the port is part of the configuration); "
            f"write {_PORT.sub('', text)}"
        )
    if not text.isascii():
        raise BadPattern(f"{text} is not ASCII; expected the form that browsers send; write {_ascii_form(text)}")
    if canonical_host(".".join(names)) is None:
        raise BadPattern(f"{text} is no host name; expected labels of letters, digits, - and _, and no address")
    if "_" in "".join(names) and any(sign in text for sign in "*{"):
        raise BadPattern(f"{text} has a wildcard and _; expected each host with _ written out")


def _ascii_form(text: str) -> str:
    try:
        return text.encode("idna").decode()
    except UnicodeError:
        return "its xn-- form"


def _refuse_twice(text: str, captures: Iterable[tuple[str, int]]) -> None:
    names = [name for name, _index in captures]
    for name in names:
        if names.count(name) > 1:
            raise BadPattern(f"{text} captures {name} twice; expected different names")


def _written(step: Step, name: str | None) -> str:
    match step:
        case Literal(text):
            return text
        case Expression(source):
            return f"{{{name}:{source}}}"
        case One():
            return f"{{{name}}}" if name else "*"


def shape(pattern: PathPattern) -> tuple[str, ...]:
    """Patterns of one shape take the same paths, expressions and the case of literals aside.

    Each step by its kind, with the text of literals; ordered comparison of kinds is what decides between shapes.
    """
    kinds = [f"={folded(step.text)}" if isinstance(step, Literal) else _KIND[type(step)] for step in pattern.steps]
    return (*kinds, "**") if pattern.rest else tuple(kinds)


_KIND: Final[dict[type[Step], str]] = {Expression: "{}", One: "*"}
