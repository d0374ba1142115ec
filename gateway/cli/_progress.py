"""Tells on standard error how far a long command has come, so that its output stays output."""

import sys
from dataclasses import dataclass
from typing import Final

import click

_BAR_CHARS: Final = 40
_LINE_EVERY: Final = 100_000


@dataclass(slots=True)
class Progress:
    """A bar on a terminal; elsewhere a line for each 100,000, so a short run says nothing. noun: what is counted."""

    noun: str
    _told: int = 0

    def __call__(self, done: int, of: int) -> None:
        if sys.stderr.isatty():
            self._draw(min(100, 100 * done // max(1, of)), of)
        elif done // _LINE_EVERY > self._told:
            self._told = done // _LINE_EVERY
            click.echo(f"{done:,} of {of:,} {self.noun}", err=True)

    def end(self) -> None:
        """What was drawn makes room for the answer."""
        if self._told and sys.stderr.isatty():
            click.echo("\r\x1b[K", nl=False, err=True)

    def _draw(self, percent: int, of: int) -> None:
        if percent > self._told:
            self._told = percent
            bar = "#" * (percent * _BAR_CHARS // 100)
            click.echo(f"\r[{bar:<{_BAR_CHARS}}] {percent:3}% of {of:,} {self.noun}", nl=False, err=True)
