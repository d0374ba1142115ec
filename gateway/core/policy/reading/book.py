"""Owns the names that a policy defines: for all files, each once, in any order, never by themselves."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from gateway.core.policy.places import Page, Place, did_you_mean
from gateway.core.policy.reading.maps import NAME, named
from gateway.core.policy.reading.words import shown
from gateway.core.yaml_marks import Marked, MarkedScalar

T = TypeVar("T")
Reader = Callable[[Page, MarkedScalar, Marked], T | None]


@dataclass(frozen=True, slots=True)
class _Entry:
    page: Page
    key: MarkedScalar
    value: Marked

    @property
    def place(self) -> Place:
        return self.page.place(self.key)


@dataclass(slots=True)
class Book(Generic[T]):
    """kind: of the names, in the singular. section: where `define` has them.

    shipped: names that are there already. beside: what else may stand there. pattern, names_are: of the names.
    """

    kind: str
    read: Reader[T]
    section: str
    shipped: Mapping[str, T] = field(default_factory=dict)
    beside: str = ""
    pattern: re.Pattern[str] = NAME
    names_are: str = ""
    _entries: dict[str, _Entry] = field(default_factory=dict)
    _known: dict[str, T | None] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    def add(self, page: Page, at: Marked) -> None:
        """The names of one file."""
        for key, value in named(page, at, f"{self.kind} definitions", self.pattern, self.names_are):
            first = self._entries.get(key.text)
            if first is not None:
                page.say(key, f"`{key.text}` again, first at {first.place}; expected once")
            elif key.text in self.shipped or key.text in self.beside.split(", "):
                page.say(key, f"`{key.text}` has a meaning already; expected another name")
            else:
                self._entries[key.text] = _Entry(page, key, value)

    def get(self, page: Page, at: MarkedScalar) -> T | None:
        """None where the name, or what it stands for, is wrong; that has been said then."""
        name = at.text
        if name in self.shipped:
            return self.shipped[name]
        if name not in self._entries:
            self._say_unknown(page, at)
            return None
        if name in self._open:
            page.say(at, f"{self.kind} `{name}` is defined by itself: {' -> '.join([*self._open, name])}")
            return None
        return self._of(name)

    def each(self) -> Iterator[tuple[str, T]]:
        """All of the files, also those that nobody uses: their mistakes are said too."""
        for name in self._entries:
            value = self._of(name)
            if value is not None:
                yield name, value

    def names(self) -> list[str]:
        return sorted({*self.shipped, *self._entries})

    def _say_unknown(self, page: Page, at: MarkedScalar) -> None:
        names = self.names()
        expected = ", ".join([*([self.beside] if self.beside else []), *names]) or "one that is defined"
        hint = did_you_mean(at.text, [*names, *(word for word in self.beside.split(", ") if word.isalpha())])
        if not hint and self.pattern.fullmatch(at.text):
            hint = f"; or define it, in `define: {{{self.section}: {{{at.text}: ...}}}}`"
        page.say(at, f"no {self.kind} `{shown(at)}`; expected {expected}{hint}")

    def _of(self, name: str) -> T | None:
        if name not in self._known:
            entry = self._entries[name]
            self._open.append(name)
            self._known[name] = self.read(entry.page, entry.key, entry.value)
            self._open.pop()
        return self._known[name]
