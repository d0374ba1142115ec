"""Whether words are a command of `bastion` as it is, with options that it has."""

from collections.abc import Sequence

import click

from gateway.cli import bastion


def understands(words: Sequence[str]) -> bool:
    """words: the whole command line, as an exec list. Nothing is run."""
    if not words or words[0] != "bastion":
        return False
    command: click.Command = bastion
    rest = list(words[1:])
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), rest.pop(0)) if rest else None
        if found is None:
            return False
        command = found
    try:
        command.make_context(words[0], rest)
    except click.ClickException:
        return False
    return True
