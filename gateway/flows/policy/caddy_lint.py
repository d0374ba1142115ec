"""Judges a Caddyfile against policy: adapts it, adapts what it should hold, compares, and names the lines."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.core.caddy.adapted import Adapted, read_adapted
from gateway.core.caddy.findings import Finding
from gateway.core.caddy.guards import Guards, read_guards, reference_caddyfile
from gateway.core.caddy.lint import Protected, lint
from gateway.core.caddy.places import Places
from gateway.core.caddy.snippet import Snippet, snippet_text
from gateway.core.errors import GatewayError
from gateway.core.policy.model import Policy
from gateway.embedded import Binaries, adapt_file, adapt_text
from gateway.stores.files.caddyfiles import read_caddyfiles


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
    return Written(read_adapted(adapt_file(binaries, file)), read_caddyfiles(file))


def read_piped(text: str, binaries: Binaries) -> Written:
    """Raises NotACaddyfile, NotAdapted."""
    if _is_json(text):
        return Written(read_adapted(text), {})
    return Written(read_adapted(adapt_text(binaries, text)), {"<stdin>": text})


def guards_of(snippet: Snippet, binaries: Binaries) -> Guards:
    """As this Caddy understands the snippet. Raises NotACaddyfile where it is too old for it."""
    return read_guards(read_adapted(adapt_text(binaries, reference_caddyfile(snippet))), snippet)


def lint_caddyfile(written: Written, policy: Policy, snippet: Snippet, binaries: Binaries) -> tuple[Placed, ...]:
    """Errors first."""
    protected = Protected(policy.hosts, policy.site, guards_of(snippet, binaries))
    places = Places(written.sources, snippet_text(snippet))
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
