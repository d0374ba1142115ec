"""Finds the lines of a Caddyfile that a finding is about; Caddy's JSON does not say where it came from."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.caddy.findings import Finding

_WORD: Final = re.compile(r'"(?:\\.|[^"\\])*"|`[^`]*`|[^\s"`]\S*')
_SNIPPETS: Final = ("(bastion)", "(bastion_auth)")
_NAMES: Final = {"headers": "header", "rewrite": "rewrite|uri|try_files|handle_path", "respond": "respond|abort"}


@dataclass(frozen=True, slots=True)
class Line:
    """number: from 1. words: without a comment. within: the first words of the blocks around it, from outside."""

    file: str
    number: int
    words: tuple[str, ...]
    within: "tuple[Line, ...]"

    @property
    def place(self) -> str:
        return f"{self.file}:{self.number}"

    @property
    def opens(self) -> bool:
        return self.words[-1:] == ("{",)


class Places:
    """sources: file name -> text of a Caddyfile and of what it imports. snippets: as they should be."""

    def __init__(self, sources: Mapping[str, str], snippets: str) -> None:
        self._lines = [line for name, text in sources.items() for line in _lines(name, text)]
        self._changed = _changed_snippets(sources, snippets)

    def of(self, finding: Finding) -> str:
        """file:line, "" where it can't be said."""
        if finding.directive == "(bastion)":
            return self._changed[0] if self._changed else ""
        site = self._site(finding.site)
        for line in self._lines:
            inside = site is None or site in line.within
            if inside and finding.directive and _is_about(line, finding):
                return line.place
        return "" if site is None else site.place

    def _site(self, host: str) -> Line | None:
        if not host:
            return None
        for line in self._lines:
            if not line.within and line.opens and any(_host(word) == host for word in line.words):
                return line
        return None


def _is_about(line: Line, finding: Finding) -> bool:
    """The directive, outside of the wrapper unless it is the wrapper's own import."""
    if any(outer.words[:2] == ("import", "bastion") or outer.words[0].startswith("(") for outer in line.within):
        return False
    in_errors = any(outer.words[0] == "handle_errors" for outer in line.within)
    if in_errors != (finding.code == "errors"):
        return False
    names = _NAMES.get(finding.directive, re.escape(finding.directive))
    return re.fullmatch(names, line.words[0]) is not None


def _lines(file: str, text: str) -> Iterator[Line]:
    within: list[Line] = []
    for number, written in enumerate(text.splitlines(), 1):
        words = _words(written)
        if not words:
            continue
        if words[0] == "}":
            del within[-1:]
            continue
        line = Line(file, number, words, tuple(within))
        yield line
        if line.opens:
            within.append(line)


def _words(written: str) -> tuple[str, ...]:
    words: list[str] = []
    for word in _WORD.findall(written):
        if word.startswith("#"):
            break
        words.append(word)
    return tuple(words)


def _host(word: str) -> str:
    """Of an address such as https://app.example.com:8443, with a comma or without."""
    return re.sub(r"^[a-z]+://|:\d+$", "", word.rstrip(",")).partition("/")[0].lower()


def _changed_snippets(sources: Mapping[str, str], snippets: str) -> Sequence[str]:
    """The first line of each change, with what stands there."""
    changed = []
    for name, text in sources.items():
        for begin in _SNIPPETS:
            has, wanted = _block(text, begin), _block(snippets, begin)
            compared = difflib.SequenceMatcher(
                None, [one for _, one in wanted], [one for _, one in has], autojunk=False
            )
            for change, _from, _to, at, _end in compared.get_opcodes() if has else ():
                if change != "equal":
                    changed.append(f"{name}:{has[min(at, len(has) - 1)][0]}")
    return changed


def _block(text: str, begin: str) -> list[tuple[int, str]]:
    """Lines with their numbers from `begin {` to the brace that closes it; spaces at the ends do not count."""
    found: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if found or line.startswith(f"{begin} "):
            if line.strip():
                found.append((number, line.strip()))
            if line.startswith("}"):
                break
    return found
