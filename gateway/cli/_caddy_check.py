"""`bastion caddy check`: probes a Caddy and a Bastion that run."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLError
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

import click

from gateway.cli._options import with_config
from gateway.config import Config
from gateway.config.tools import embedded_binaries
from gateway.core.caddy.verdicts import ProbeStatus

if TYPE_CHECKING:  # imported when the command runs, so that `bastion caddy snippet` stays quick
    from gateway.flows.policy.caddy_check import Check, Row

_HTTPS: Final = 443
_HTTP: Final = 80
_MARK_BYTES: Final = 6


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the command line says. url: with a host."""

    url: SplitResult
    ca: Path | None
    connect: str | None
    ops: tuple[str, ...]
    direct: tuple[str, ...]
    caddyfile: Path | None
    paths: tuple[str, ...]


@click.command()
@click.argument("url")
@click.option(
    "--ca", type=click.Path(path_type=Path, exists=True), help="The certificate of a private authority, in PEM."
)
@click.option("--connect", metavar="HOST[:PORT]", help="The address of Caddy, if the URL's host does not lead there.")
@click.option("--ops", multiple=True, help="An ops_listen, if not the configured one. Repeat it for each node.")
@click.option(
    "--direct", multiple=True, metavar="HOST:PORT", help="An app that must not answer past Caddy. Repeat it for more."
)
@click.option(
    "--caddyfile",
    type=click.Path(path_type=Path, exists=True),
    help="Also request a path under each matcher of this file.",
)
@click.option("--path", "paths", multiple=True, help="Also request this path. Repeat it for more.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of the table.")
@with_config
def check(
    config: Config,
    url: str,
    ca: Path | None,
    connect: str | None,
    ops: tuple[str, ...],
    direct: tuple[str, ...],
    caddyfile: Path | None,
    paths: tuple[str, ...],
    as_json: bool,
) -> None:
    """Attack a running Caddy; exit status 1 if a request gets past Bastion.

    URL is a host of policy as browsers reach it. The check sends about 170 requests without a login, one after the
    other: forged identity headers in every spelling, Connection and Upgrade tricks, bodies that look like decision
    requests, spellings of paths, unknown hosts, forged X-Forwarded-*, and one path under each route. If all is well,
    the app gets only GET requests for paths that policy opens to anonymous clients.

    It compares each answer with policy, and with bastion_decisions_total on the operations listener: if that metric
    did not grow, the answer did not come through Bastion. If others use the installation meanwhile, this proves
    less, and the table says so.

    --direct proves that clients can't reach an app past Caddy. Run it from where an attacker would be, for example
    from another machine of the network. Any HTTP answer fails.

    \b
    bastion caddy check https://app.example.com --direct 10.0.0.7:8080
    bastion caddy check https://app.localhost:8443 --ca root.crt --caddyfile Caddyfile
    """  # noqa: D301 -- click's mark before lines that stay as they are
    checking = _checking(config, _Wish(_parsed(url), ca, connect, ops, direct, caddyfile, paths))
    rows = list(checking.rows() if as_json else _shown(checking))
    counts = {outcome: sum(row.verdict.outcome is outcome for row in rows) for outcome in ProbeStatus}
    if as_json:
        click.echo(
            json.dumps({"url": url, "passed": not counts[ProbeStatus.FAILED], "probes": list(map(_fields, rows))})
        )
    else:
        click.echo(
            f"{url}: {len(rows)} probes, {counts[ProbeStatus.FAILED]} failed, {counts[ProbeStatus.WARNING]} warnings"
        )
    if counts[ProbeStatus.FAILED]:
        raise SystemExit(1)


def _checking(config: Config, wish: _Wish) -> "Check":
    from gateway.cli._policy import policy_of
    from gateway.core.caddy.probes import Ground, Marks
    from gateway.core.caddy.strangers import Strangers
    from gateway.flows.policy.caddy_check import Check, Operations
    from gateway.outbound.wire import Endpoint, trusting
    from gateway.resources import clock, random_bytes

    policy, host = policy_of(config), wish.url.hostname or ""
    if not policy.knows_host(host):
        raise click.BadParameter(f"{host} is not a host of policy; expected one of {', '.join(policy.hosts)}")
    try:
        trust = trusting(None if wish.ca is None else str(wish.ca))
    except (OSError, SSLError) as error:
        raise click.BadParameter(f"{wish.ca}: {error}", param_hint="--ca") from error
    marks = Marks(f"check{random_bytes(_MARK_BYTES).hex()}", f"forged{random_bytes(_MARK_BYTES).hex()}")
    address, port = _dialled(wish)
    ground = Ground(Strangers(policy, host, clock()), wish.url.netloc, marks, _paths(wish, host, marks.path))
    return Check(
        ground,
        Endpoint(address, port, host, trust),
        Endpoint(address, _HTTP, host, None) if port == _HTTPS else None,
        Operations(tuple(map(_listener, wish.ops)) or (config.server.ops_listen,)),
        tuple(_host_and_port(one, "--direct") for one in wish.direct),
    )


def _parsed(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
        raise click.BadParameter("expected a URL such as https://app.example.com", param_hint="URL")
    return parts


def _dialled(wish: _Wish) -> tuple[str, int]:
    from gateway.flows.policy.caddy_check import address_of

    port = wish.url.port or _HTTPS
    if wish.connect is None:
        return address_of(wish.url.hostname or ""), port
    if wish.connect.rpartition(":")[2].isdigit():
        return _host_and_port(wish.connect, "--connect")
    return wish.connect.strip("[]"), port


def _host_and_port(text: str, hint: str) -> tuple[str, int]:
    host, _colon, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise click.BadParameter(f"{text}: expected HOST:PORT", param_hint=hint)
    return host.strip("[]"), int(port)


def _listener(text: str) -> str:
    """Also as a URL, as one would give it to curl."""
    return text.removeprefix("http://").partition("/")[0] if text.startswith("http://") else text


def _paths(wish: _Wish, host: str, mark: str) -> tuple[str, ...]:
    if wish.caddyfile is None:
        return wish.paths
    from gateway.core.caddy.matchers import sample_paths
    from gateway.flows.policy.caddy_lint import read_caddyfile

    adapted = read_caddyfile(wish.caddyfile, embedded_binaries()).adapted
    return (*wish.paths, *sample_paths(adapted, host, mark))


def _shown(checking: "Check") -> Iterator["Row"]:
    """Each row as soon as it is known."""
    most = len(checking)
    click.echo(f"{'':>9}  {'':7}  {'probe':10}  {'':56}  status  asked")
    for number, row in enumerate(checking.rows(), 1):
        status, verdict = str(row.status or "-"), row.verdict
        told = f"[{number:>3}/{most}]  {verdict.outcome.value:7}  {row.group:10}  {_printable(row.name):56}"
        click.echo(f"{told}  {status:>6}  {row.asked:>5}  {verdict.why}".rstrip())
        yield row


def _printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)


def _fields(row: "Row") -> dict[str, object]:
    return {
        "group": row.group,
        "probe": row.name,
        "outcome": row.verdict.outcome.value.lower(),
        "status": row.status or None,
        "asked": row.asked,
        "why": row.verdict.why,
    }
