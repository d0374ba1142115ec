"""How commands take the id of what another command lists."""

from contextlib import suppress
from typing import Any, Final

import click

from gateway.core.base64url import unb64_strict

# Of a command with such an argument: ids are base64url, so one in 64 begins with a hyphen, and some with -h.
TAKES_ID: Final[dict[str, Any]] = {"ignore_unknown_options": True, "help_option_names": ["--help"]}


def id_of(text: str, listed_by: str) -> bytes:
    """listed_by: the command that shows ids. Raises click.UsageError."""
    with suppress(ValueError):
        if text:
            return unb64_strict(text)
    raise click.UsageError(f"{text!r} is no id; `bastion {listed_by}` shows them")
