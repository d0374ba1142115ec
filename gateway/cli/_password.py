"""Reads a password as commands do: from standard input, or from the terminal without showing it."""

import sys

import click

from gateway.core.password.rules import MOST_CHARS


def from_stdin() -> str:
    """One line, with or without its end."""
    try:
        text = sys.stdin.buffer.read(8 * MOST_CHARS).decode("utf-8")
    except UnicodeDecodeError as error:
        raise click.UsageError("the password on standard input is not UTF-8") from error
    return text.removesuffix("\n").removesuffix("\r")


def asked(*, confirm: bool = True) -> str:
    """confirm: twice."""
    if not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask for a password; use --password-stdin")
    typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=confirm)
    return typed
