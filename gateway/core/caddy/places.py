"""Finds the lines of a Caddyfile that a finding is about; Caddy's JSON does not say where it came from."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.caddy.adapted import Adapted, port_of, texts_in
from gateway.core.caddy.findings import SNIPPET, Finding

_WORD: Final = re.compile(r'"(?:\\.|[^"\\])*"|`[^`]*`|[^\s"`]\S*')
_SNIPPET: Final = re.compile(r"^\(bastion[a-z_]*\)", re.MULTILINE)
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

    def __init__(self, sources: Mapping[str, str], snippets: str, adapted: Adapted) -> None:
        self._adapted = adapted
        self._lines = list(read_lines(sources))
        self._changed = _changed_snippets(sources, snippets)

    def of(self, finding: Finding) -> str:
        """file:line, "" where it can't be said."""
        if finding.directive == SNIPPET:
            return self._changed[0] if self._changed else ""
        site = self._site(finding)
        about = [
            line
            for line in self._lines
            if (site is None or site in line.within) and finding.directive and _is_about(line, finding)
        ]
        if about:
            return about[-1 if finding.is_repeated else 0].place
        return "" if site is None else site.place

    def _site(self, finding: Finding) -> Line | None:
        """Of several with the host that whose port and path are those of the route."""
        host, route = finding.site, self._route(finding.at)
        sites = [
            (address, line)
            for line in self._lines
            if host and not line.within and line.opens
            for address in map(self._address, line.words)
            if address.host == host
        ]
        exact = (line for address, line in sites if route is not None and address in route)
        return next(exact, sites[0][1] if sites else None)

    def _route(self, at: str) -> "frozenset[_Address] | None":
        """The addresses of the route that a path in the adapted JSON leads through."""
        for server in self._adapted.servers:
            for route in server.routes:
                if at == route.at or at.startswith(f"{route.at}."):
                    return frozenset(
                        _Address(host, port_of(listen), path)
                        for listen in server.listen
                        for matcher in route.matchers
                        for host in texts_in(matcher, "host")
                        for path in texts_in(matcher, "path") or ("",)
                    )
        return None

    def _address(self, word: str) -> "_Address":
        """Of a word such as https://app.example.com:8443/api/*, with a comma or without."""
        scheme, _, rest = word.rstrip(",").rpartition("://")
        authority, slash, path = rest.partition("/")
        host, _, port = authority.partition(":")
        standard = self._adapted.http_port if scheme == "http" else self._adapted.https_port
        return _Address(host.lower(), int(port) if port.isdigit() else standard, f"{slash}{path}")


@dataclass(frozen=True, slots=True)
class _Address:
    """Of a site. path "": every path."""

    host: str
    port: int | None
    path: str


def _is_about(line: Line, finding: Finding) -> bool:
    """The directive, outside of the wrapper unless it is the wrapper's own import."""
    if any(outer.words[:2] == ("import", "bastion") or outer.words[0].startswith("(") for outer in line.within):
        return False
    in_errors = any(outer.words[0] == "handle_errors" for outer in line.within)
    if in_errors != (finding.code == "errors"):
        return False
    names = _NAMES.get(finding.directive, re.escape(finding.directive))
    return re.fullmatch(names, line.words[0]) is not None


def read_lines(sources: Mapping[str, str]) -> Iterator[Line]:
    """Those with words, the one that closes a block aside; a brace that closes none is a line."""
    for name, text in sources.items():
        yield from _lines(name, text)


def _lines(file: str, text: str) -> Iterator[Line]:
    within: list[Line] = []
    for number, written in enumerate(text.splitlines(), 1):
        words = _words(written)
        if not words:
            continue
        if words[0] == "}" and within:
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


def _changed_snippets(sources: Mapping[str, str], snippets: str) -> Sequence[str]:
    """The first line of each change, with what stands there."""
    changed = []
    for name, text in sources.items():
        for begin in _SNIPPET.findall(snippets):
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
