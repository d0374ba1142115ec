"""Judges a Caddyfile against policy: adapts it, adapts what it should hold, compares, and names the lines."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.core.caddy.adapted import Adapted, read_adapted
from gateway.core.caddy.findings import Finding
from gateway.core.caddy.guards import Guards, read_guards, reference_caddyfile
from gateway.core.caddy.lint import Protected, lint
from gateway.core.caddy.places import Places
from gateway.core.caddy.refusals import refusal
from gateway.core.caddy.snippet import Snippet, snippet_text
from gateway.core.errors import GatewayError
from gateway.core.policy.model import Policy
from gateway.embedded import AdaptRefused, Binaries, NotACaddyfile, adapt_file, adapt_text
from gateway.stores.files.caddyfiles import read_caddyfiles

_PIPED: Final = "<stdin>"


class CaddyfileUnreadable(GatewayError):
    """There is no such file, or it can't be read."""


@dataclass(frozen=True, slots=True)
class Written:
    """What is to be judged. sources: file name -> text, empty where it came as JSON or from a pipe."""

    adapted: Adapted
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Placed:
    """place: file:line, "" where it is not known."""

    place: str
    finding: Finding

    def __str__(self) -> str:
        return self.finding.told(self.place)


def read_caddyfile(file: Path, binaries: Binaries) -> Written:
    """file: a Caddyfile, or what `caddy adapt` made of one. Raises CaddyfileUnreadable, NotACaddyfile, NotAdapted."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CaddyfileUnreadable(f"{file}: {error}") from error
    if _is_json(text):
        return Written(read_adapted(text), {})
    sources = read_caddyfiles(file)
    with _explained(sources, str(file)):
        return Written(read_adapted(adapt_file(binaries, file)), sources)


def read_piped(text: str, binaries: Binaries) -> Written:
    """Raises NotACaddyfile, NotAdapted."""
    if _is_json(text):
        return Written(read_adapted(text), {})
    sources = {_PIPED: text}
    with _explained(sources, _PIPED):
        return Written(read_adapted(adapt_text(binaries, text)), sources)


@contextmanager
def _explained(sources: Mapping[str, str], name: str) -> Iterator[None]:
    """name: of the Caddyfile among the sources."""
    try:
        yield
    except AdaptRefused as error:
        raise NotACaddyfile(refusal(error.said, sources, name)) from error


def guards_of(snippet: Snippet, binaries: Binaries) -> Guards:
    """As this Caddy understands the snippet. Raises NotACaddyfile where it is too old for it."""
    return read_guards(read_adapted(adapt_text(binaries, reference_caddyfile(snippet))), snippet)


def lint_caddyfile(written: Written, policy: Policy, snippet: Snippet, binaries: Binaries) -> tuple[Placed, ...]:
    """Errors first."""
    protected = Protected(policy.hosts, policy.site, guards_of(snippet, binaries))
    places = Places(written.sources, snippet_text(snippet), written.adapted)
    return tuple(Placed(places.of(finding), finding) for finding in lint(written.adapted, protected))


def _is_json(text: str) -> bool:
    """A Caddyfile may begin with a brace too, but never with a quoted key and a colon."""
    if not text.lstrip().startswith("{"):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
