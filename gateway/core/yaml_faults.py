"""Says in plain words what the YAML parser refuses, and where the cause is: the parser names where it gave up.

No value is repeated: it may be a secret.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import yaml

# What an editor or a web page puts where a space is meant. YAML takes each of them for a letter.
_ODD_SPACES: Final = "\u00a0\u1680\u2000-\u200b\u202f\u205f\u2060\u3000"
ODD_SPACE: Final = re.compile(f"[{_ODD_SPACES}]")
_ODD_AROUND: Final = re.compile(f"^[ ]*(?P<indent>[{_ODD_SPACES}])|[\\w.-]+:(?P<colon>[{_ODD_SPACES}])")
_ODD_ENDS: Final = re.compile(f"^[{_ODD_SPACES}]|[{_ODD_SPACES}]$|(?<=:)[{_ODD_SPACES}]")
_GLUED: Final = re.compile(r"\s*(?:-\s+)?([A-Za-z_][\w.-]*):(?!//)([^\s:].*)")
_RESERVED: Final = "@`%"
_QUOTES: Final = ("'", '"')


@dataclass(frozen=True, slots=True)
class Fault:
    """line and column count from 1."""

    line: int
    column: int
    message: str


def fault(text: str, error: yaml.MarkedYAMLError) -> Fault:
    """The cause where it is known, else the parser's own words at the place where it gave up."""
    seen = _Seen(text.splitlines(), error, _quoted_before(text, error.problem_mark))
    for cause in (
        _tab,
        _odd_space,
        _open_quote,
        _closed_quote,
        _glued,
        _reserved,
        _escape,
        _colon,
        _no_colon,
        _indentation,
    ):
        found = cause(seen)
        if found is not None:
            return found
    return _as_parsed(seen)


def unspaced(text: str) -> str:
    """The end of a message about text that was meant as a key and its value; "" where it can't be that."""
    key = glued_key(text)
    return f"; a space is missing after the colon: write `{key}: ...`" if key else ""


def glued_key(text: str) -> str:
    """Of a key and its value without a space between them; "" where the text is none."""
    glued = _GLUED.fullmatch(text)
    return glued[1] if glued else ""


def odd_space_message(text: str, index: int) -> str:
    return (
        f"a U+{ord(text[index]):04X} stands where a space is meant (a no-break space or its like); write a plain space "
        "instead, or quote the text"
    )


def odd_space_at(text: str, *, is_key: bool) -> int | None:
    """Index of the first odd space in unquoted text that can hardly be meant. Inside a value it is typography."""
    found = (ODD_SPACE if is_key else _ODD_ENDS).search(text)
    return None if found is None else found.start()


@dataclass(frozen=True, slots=True)
class _Seen:
    """quoted: the last text in quotes that was read whole before the parser gave up."""

    lines: list[str]
    error: yaml.MarkedYAMLError
    quoted: yaml.ScalarToken | None

    @property
    def problem(self) -> str:
        return f"{self.error.problem}{f' {self.error.context}' if self.error.context else ''}"

    @property
    def at(self) -> yaml.Mark | None:
        return self.error.problem_mark or self.error.context_mark

    def line(self, number: int) -> str:
        """number: from 0."""
        return self.lines[number] if 0 <= number < len(self.lines) else ""

    def suspects(self) -> Iterator[int]:
        """Lines where the cause may be: of the problem, of what began before it, and the last one with text."""
        at, began = self.at, self.error.context_mark
        last = at.line if at is not None else 0
        yield last
        if began is not None:
            yield began.line
        yield next((number for number in range(last - 1, -1, -1) if self.line(number).strip()), 0)


def _quoted_before(text: str, at: yaml.Mark | None) -> yaml.ScalarToken | None:
    last = None
    with suppress(yaml.YAMLError):
        for token in yaml.scan(text, Loader=yaml.CSafeLoader):
            if at is None or (token.end_mark.line, token.end_mark.column) > (at.line, at.column):
                break
            last = token if isinstance(token, yaml.ScalarToken) and token.style in _QUOTES else last
    return last


def _tab(seen: _Seen) -> Fault | None:
    at = seen.at
    if at is None:
        return None
    line = seen.line(at.line)
    before = line[: len(line) - len(line.lstrip(" \t-"))]
    column = before.find("\t")
    if column < 0:
        return None
    return Fault(at.line + 1, column + 1, "a tab; expected spaces: YAML does not indent with tabs")


def _odd_space(seen: _Seen) -> Fault | None:
    for number in seen.suspects():
        found = _ODD_AROUND.search(seen.line(number))
        if found is not None:
            index = found.start("indent") if found["indent"] else found.start("colon")
            return Fault(number + 1, index + 1, odd_space_message(seen.line(number), index))
    return None


def _open_quote(seen: _Seen) -> Fault | None:
    began = seen.error.context_mark
    if began is None or "end of stream" not in seen.problem or "quoted scalar" not in seen.problem:
        return None
    quote = seen.line(began.line)[began.column : began.column + 1]
    return Fault(began.line + 1, began.column + 1, f"this {quote} is never closed; write a {quote} where the text ends")


def _closed_quote(seen: _Seen) -> Fault | None:
    """Text follows a closing quote: that of a later text, which closes one that was left open, or its own."""
    quoted, at = seen.quoted, seen.at
    if quoted is None or at is None:
        return None
    start, end = quoted.start_mark, quoted.end_mark
    if end.line != at.line or seen.line(at.line)[end.column : at.column].strip():
        return None
    if start.line < end.line:
        quote, closed_at = quoted.style, f"{end.line + 1}:{end.column}"
        message = f"this {quote} is closed only by the one at {closed_at}; write a {quote} where the text ends"
        return Fault(start.line + 1, start.column + 1, message)
    return Fault(at.line + 1, at.column + 1, "text after a closing quote; write all of the text inside the quotes")


def _glued(seen: _Seen) -> Fault | None:
    if "':'" not in seen.problem and "mapping values" not in seen.problem:
        return None
    for number in seen.suspects():
        glued = _GLUED.fullmatch(seen.line(number))
        if glued is not None and ": " not in seen.line(number):
            message = f"`{glued[1]}:` has no space after its colon; write `{glued[1]}: ...`"
            return Fault(number + 1, glued.start(1) + 1, message)
    return None


def _reserved(seen: _Seen) -> Fault | None:
    at = seen.at
    first = "" if at is None else seen.line(at.line)[at.column : at.column + 1]
    if at is None or not first or first not in _RESERVED or "cannot start any token" not in seen.problem:
        return None
    return Fault(at.line + 1, at.column + 1, f"text that starts with {first} needs quotes; write '{first}...'")


def _escape(seen: _Seen) -> Fault | None:
    at = seen.at
    if at is None or "quoted scalar" not in seen.problem or "\\" not in seen.line(at.line)[: at.column + 1]:
        return None
    message = "a \\ in double quotes begins an escape, and this is none; write the text in single quotes"
    return Fault(at.line + 1, at.column + 1, message)


def _colon(seen: _Seen) -> Fault | None:
    at = seen.at
    if at is None or "mapping values are not allowed" not in seen.problem:
        return None
    line = seen.line(at.line)
    if ": " in line[: at.column]:
        return Fault(at.line + 1, at.column + 1, "a second `: ` in one line; write the value in quotes")
    column = len(line) - len(line.lstrip())
    message = (
        "this key is indented deeper than the line above, which has a value already; expected the same indentation"
    )
    return Fault(at.line + 1, column + 1, message)


def _no_colon(seen: _Seen) -> Fault | None:
    began = seen.error.context_mark
    if began is None or "could not find expected ':'" not in seen.problem:
        return None
    return Fault(
        began.line + 1, began.column + 1, "this line is no key with a value; expected a colon and a space in it"
    )


def _indentation(seen: _Seen) -> Fault | None:
    at = seen.at
    if at is None or "block mapping" not in seen.problem or seen.line(at.line)[: at.column].strip():
        return None
    message = (
        "the indentation of this line fits no line above; expected as many spaces as the keys that it belongs to have"
    )
    return Fault(at.line + 1, at.column + 1, message)


def _as_parsed(seen: _Seen) -> Fault:
    error = seen.error
    indirection = error.context in ("while scanning an alias", "while scanning an anchor")
    at = (error.context_mark if indirection else None) or seen.at
    if at is None:
        return Fault(1, 1, seen.problem)
    began = error.context_mark
    hint = "; quote text that starts with * or &" if indirection else ""
    if "flow" in seen.problem and began is not None and began.line < at.line:
        hint = f", which opens at {began.line + 1}:{began.column + 1}"
    return Fault(at.line + 1, at.column + 1, f"{seen.problem}{hint}")
