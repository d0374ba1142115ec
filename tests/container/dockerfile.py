"""Reads a Dockerfile strictly: what this project does not use, and what Docker would only warn of, is refused."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_SHELL = {"RUN"}
_EXEC = {"CMD", "ENTRYPOINT", "VOLUME"}
_WORDS = {"ARG", "COPY", "WORKDIR", "USER", "ENV"}
_FLAGS = {"COPY": {"from", "chown", "chmod"}, "HEALTHCHECK": {"interval", "timeout", "start-period", "retries"}}


class BadDockerfile(Exception):
    """The message begins with the line."""


@dataclass(frozen=True)
class Step:
    """words: of RUN its commands, of everything else its arguments. flags: without dashes."""

    instruction: str
    words: tuple[str, ...]
    flags: dict[str, str] = field(default_factory=dict)


@dataclass
class Stage:
    image: str
    name: str
    steps: list[Step] = field(default_factory=list)

    def of(self, instruction: str) -> list[Step]:
        return [step for step in self.steps if step.instruction == instruction]

    def one(self, instruction: str) -> Step:
        (step,) = self.of(instruction)
        return step

    @property
    def environment(self) -> dict[str, str]:
        """With the default of each ARG."""
        arguments = dict(_pairs(self.of("ARG")))
        return {name: _filled(value, arguments) for name, value in _pairs(self.of("ENV"))}


def _pairs(steps: list[Step]) -> Iterator[tuple[str, str]]:
    for step in steps:
        for word in step.words:
            name, _, value = word.partition("=")
            yield name, value


def _filled(value: str, arguments: dict[str, str]) -> str:
    for name, default in arguments.items():
        value = value.replace(f"${name}", default)
    return value


def parse(text: str) -> list[Stage]:
    """Raises BadDockerfile."""
    stages: list[Stage] = []
    for number, line in _joined(text):
        instruction, _, rest = line.partition(" ")
        try:
            if instruction == "FROM":
                stages.append(_stage(rest))
            elif not stages:
                raise ValueError("stands before the first FROM")  # noqa: TRY301 - one place says the line
            else:
                stages[-1].steps.append(_step(instruction, rest, [stage.name for stage in stages[:-1]]))
        except ValueError as error:
            raise BadDockerfile(f"line {number}: {instruction} {error}") from error
    if not stages:
        raise BadDockerfile("line 1: has no FROM")
    return stages


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Instructions without comments, with the number of the line that each begins on."""
    begun, parts = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#") or (not line.strip() and not parts):
            continue
        begun = begun if parts else number
        parts.append(line.removesuffix("\\").strip())
        if not line.endswith("\\"):
            yield begun, " ".join(parts)
            parts = []
    if parts:
        raise BadDockerfile(f"line {begun}: the last line goes on")


def _stage(rest: str) -> Stage:
    found = re.fullmatch(r"(\S+:\S+)(?: AS ([a-z]+))?", rest)
    if found is None or found[1].endswith(":latest"):
        raise ValueError("expects image:version [AS name]")
    return Stage(found[1], found[2] or "")


def _step(instruction: str, rest: str, earlier: list[str]) -> Step:
    flags = {}
    while found := re.match(r"--([a-z-]+)=(\S+) ", rest):
        flags[found[1]] = found[2]
        rest = rest[found.end() :]
    if not flags.keys() <= _FLAGS.get(instruction, set()):
        raise ValueError(f"has a flag that is unknown here: {flags}")
    if flags.get("from", "") not in ("", *earlier):
        raise ValueError(f"copies from a stage that does not exist: {flags['from']}")
    return Step(instruction, _words(instruction, rest), flags)


def _words(instruction: str, rest: str) -> tuple[str, ...]:
    if instruction in _SHELL:
        return tuple(part.strip() for part in rest.split("&&"))
    if instruction == "HEALTHCHECK":
        return ("CMD", *_list(rest.removeprefix("CMD ")))
    if instruction in _EXEC:
        return _list(rest)
    if instruction not in _WORDS:
        raise ValueError("is not used here")
    words = tuple(shlex.split(rest))
    if not words or (instruction == "ENV" and not all("=" in word for word in words)):
        raise ValueError("expects words, and ENV pairs")
    return words


def _list(rest: str) -> tuple[str, ...]:
    """The exec form only: a shell would not pass signals on."""
    words = json.loads(rest)
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise ValueError("expects a JSON list of strings")
    return tuple(words)
