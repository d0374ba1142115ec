"""The options that most commands share."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

import click

from gateway.config import Config, load_config
from gateway.config.values import parse_duration

P = ParamSpec("P")
R = TypeVar("R")
CONFIG_FILE: Final = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help="The configuration file, if not in a usual place.",
)
DEV: Final = click.option("--dev", is_flag=True, help="Allow unsafe settings, with warnings.")


def with_config(command: Callable[Concatenate[Config, P], R]) -> Callable[P, R]:
    """Adds --config and --dev, and hands the loaded Config over as the first argument."""

    @CONFIG_FILE
    @DEV
    @wraps(command)
    def with_loaded(*arguments: P.args, **options: P.kwargs) -> R:
        path, dev = options.pop("config_path"), options.pop("dev")
        assert path is None or isinstance(path, Path)
        return command(loaded(path, dev=bool(dev)), *arguments, **options)

    return with_loaded


def loaded(path: Path | None, *, dev: bool) -> Config:
    """For a command that can do without. Raises ConfigRejected."""
    found = load_config(path, dev=dev)
    for warning in found.warnings:
        click.echo(f"UNSAFE, allowed by the dev profile only: {warning}", err=True)
    return found.config


def duration(option: str, text: str) -> int:
    """Seconds. Raises click.UsageError."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.UsageError(f"{option} {text!r}: expected a duration such as 90d") from error
