"""The command line. Each module here is one command, and its click command bears the module's name.

An underscore within the name is a hyphen on the command line.
"""

import importlib
import pkgutil

import click

from gateway.core.errors import GatewayError


class _Commands(click.Group):
    """Imports a command's module when it is asked for, so that `bastion health` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        modules = (module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
        return sorted(name.replace("_", "-") for name in modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        name = cmd_name.replace("-", "_")
        command = getattr(importlib.import_module(f"{__name__}.{name}"), name)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """What is ours to explain ends in one message, not in a traceback."""
        try:
            return super().invoke(ctx)
        except GatewayError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="bastion-gateway", prog_name="bastion")
def bastion() -> None:
    """One login in front of the apps behind Caddy."""
