"""Owns where in the policy something is written, and the list of all that is wrong with it."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.core.errors import GatewayError
from gateway.core.yaml_marks import Marked


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """message: what is there, what was expected, and where possible what to write."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class PolicyRejected(GatewayError):
    """The policy is wrong, in all these places; the one that is in force stays."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(slots=True)
class Problems:
    """Collects while a policy is read: all mistakes are said at once."""

    found: list[Problem] = field(default_factory=list)

    def add(self, place: Place, message: str) -> None:
        self.found.append(Problem(place.file, place.line, place.column, message))


@dataclass(frozen=True, slots=True)
class Page:
    """One file of the policy while it is read."""

    file: str
    problems: Problems

    def place(self, at: Marked) -> Place:
        return Place(self.file, at.line, at.column)

    def say(self, at: Marked, message: str) -> None:
        self.problems.add(self.place(at), message)


def did_you_mean(given: str, names: Iterable[str]) -> str:
    """The end of a message, empty where nothing is close."""
    close = difflib.get_close_matches(given, list(names), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""
