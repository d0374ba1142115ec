"""Runs `caddy adapt`: the only one who knows what a Caddyfile means."""

import subprocess
from pathlib import Path
from typing import Final

from gateway.core.errors import GatewayError
from gateway.embedded.binaries import Binaries, caddy_binary

_WITHIN_S: Final = 60


class NotACaddyfile(GatewayError):
    """Caddy refuses it."""


class AdaptRefused(NotACaddyfile):
    """said: what Caddy wrote about it, an entry of its log in JSON or text."""

    def __init__(self, said: str) -> None:
        super().__init__(f"caddy adapt refuses it: {said}")
        self.said = said


def adapt_file(binaries: Binaries, file: Path) -> str:
    """The JSON. Raises AdaptRefused, NotACaddyfile where Caddy can't be run, ServerFailed where there is none."""
    return _adapt(binaries, str(file), "")


def adapt_text(binaries: Binaries, text: str) -> str:
    """The same for a text; what it imports is looked for in the working directory."""
    return _adapt(binaries, "-", text)


def _adapt(binaries: Binaries, file: str, text: str) -> str:
    argv = [str(caddy_binary(binaries)), "adapt", "--config", file, "--adapter", "caddyfile"]
    try:
        done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False, timeout=_WITHIN_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotACaddyfile(f"{argv[0]} can't be run: {error}") from error
    if done.returncode != 0:
        raise AdaptRefused(done.stderr.strip().removeprefix("Error: "))
    return done.stdout
