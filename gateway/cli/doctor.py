"""`bastion doctor`: tries all that a node stands on, and says what to do about what is wrong."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from ssl import SSLContext, SSLError
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from gateway.cli._options import CONFIG_FILE, DEV
from gateway.config import Config, ConfigRejected, load_config

if TYPE_CHECKING:
    from gateway.flows.doctor.diagnosis import Diagnosis


@click.command()
@CONFIG_FILE
@DEV
@click.option(
    "--ca", type=click.Path(path_type=Path), help="Your own certificate authority, in PEM. Default: the system's."
)
@click.option(
    "--caddy-account", default="", help="The account of Caddy, if Caddy does not run here or has another name."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of lines.")
def doctor(config_path: Path | None, ca: Path | None, caddy_account: str, *, dev: bool, as_json: bool) -> None:
    """Check everything that this node needs; exit status 1 if something does not work.

    It checks the configuration, directories, policy, Postgres, Redis and the rights of its user, listeners, Caddy's
    access to the sockets, the names and certificates of all hosts, and clocks. It prints a line for each, with the
    remedy, and changes nothing. Run it on the node as the account of the service, before the first start or when
    something is wrong.

    \b
    sudo -u bastion bastion doctor
    """  # noqa: D301 -- click's mark before lines that stay as they are
    trust = _trust(ca)
    findings = []
    for finding in _findings(config_path, trust, caddy_account, dev=dev):
        findings.append(finding)
        if not as_json:
            click.echo(str(finding))
    counts = {health: sum(one.health.value == health for one in findings) for health in ("failed", "warning")}
    if as_json:
        click.echo(json.dumps({"healthy": not counts["failed"], "checks": list(map(_fields, findings))}, indent=2))
    else:
        click.echo(f"{len(findings)} checks, {counts['failed']} failed, {counts['warning']} warnings")
    if counts["failed"]:
        raise SystemExit(1)


def _findings(path: Path | None, trust: SSLContext, caddy_account: str, *, dev: bool) -> "Iterator[Diagnosis]":
    """Each as soon as it is known. Without a configuration nothing else can be looked at."""
    from gateway.flows.doctor.diagnosis import failed, ok, warning

    try:
        loaded = load_config(path, dev=dev)
    except ConfigRejected as refusal:
        for problem in refusal.problems:
            yield failed("configuration", str(problem))
        return
    yield ok("configuration", f"{loaded.path or 'environment'} ({loaded.config.profile})")
    for unsafe in loaded.warnings:
        yield warning("configuration", f"unsafe, allowed by the dev profile only: {unsafe}")
    for doubt in loaded.doubts:
        yield warning("configuration", str(doubt))
    yield from _of_node(loaded.config, caddy_account)
    yield from asyncio.run(_of_stores(loaded.config))
    yield from _of_hosts(loaded.config, trust)


def _of_node(config: Config, caddy_account: str) -> "Iterator[Diagnosis]":
    from gateway.cli._files import file_troubles
    from gateway.flows.doctor.diagnosis import failed, ok, warning
    from gateway.flows.doctor.node import examine_listeners, examine_proxy_access, find_proxy
    from gateway.stores.reasons import account

    if account() == "root":
        yield warning(
            "account", "you are root, who may do anything", "run it as the account of the service: sudo -u ..."
        )
    troubles = file_troubles(config)
    for key, trouble in troubles.items():
        advice = f"make it, or let the account {account()} in"
        yield failed(key, trouble, "name another file, or take the key out" if key == "pages.logo" else advice)
    if not troubles:
        yield ok("directories", f"the account {account()} may use them")
    listeners, ops = config.listeners, config.server.ops_listen
    yield from examine_listeners(listeners, ops)
    yield from examine_proxy_access([one for one in listeners.values() if one != ops], find_proxy(caddy_account))


async def _of_stores(config: Config) -> "list[Diagnosis]":
    from gateway.flows.doctor.stores import StoresExam, examine_stores
    from gateway.resources import CONSOLE_CONNECTIONS, clock_us, key_marks, open_resources
    from gateway.stores.postgres.replication import has_several_hosts

    async with open_resources(config) as resources:
        return await examine_stores(
            StoresExam(
                pool=resources.pool,
                functions=resources.functions,
                keys=key_marks(config),
                connections=config.server.workers * (config.database.pool_size + CONSOLE_CONNECTIONS),
                several_hosts=has_several_hosts(config.database.url) and not config.database.accept_loss,
                owner_serves=config.database.owner_serves,
                user=urlsplit(config.redis.url).username or "",
                in_cluster=config.redis.cluster,
                enforced=config.profile == "production",
                clock_us=clock_us,
            )
        )


def _of_hosts(config: Config, trust: SSLContext) -> "Iterator[Diagnosis]":
    """Those of policy, where it can be loaded, and the auth host."""
    from gateway.config.client_secrets import client_secret
    from gateway.core.policy.site import Site
    from gateway.flows.doctor.diagnosis import failed, ok
    from gateway.flows.doctor.network import examine_hosts
    from gateway.flows.policy.policies import PolicyRefused, load
    from gateway.resources import clock

    hosts: tuple[str, ...] = ()
    try:
        site, limits = Site.of(config.public_url), config.all_limits()
        found = load(config.policy.directory, site, limits, clock(), client_secret).policy
    except PolicyRefused as refusal:
        for line in str(refusal).splitlines():
            yield failed("policy", line)
    else:
        hosts = found.hosts
        yield ok("policy", f"version {found.version}: {len(found.routes)} routes on {len(hosts)} hosts")
    if config.scheme == "https":
        port = urlsplit(config.public_url).port or 443
        yield from examine_hosts((config.auth_host, *hosts), port, trust, clock())


def _trust(ca: Path | None) -> SSLContext:
    from gateway.outbound.wire import trusting

    try:
        return trusting(None if ca is None else str(ca))
    except (OSError, SSLError) as error:
        raise click.BadParameter(f"{ca}: {error}", param_hint="--ca") from error


def _fields(finding: "Diagnosis") -> dict[str, str]:
    return {
        "check": finding.check, "health": finding.health.value, "detail": finding.detail, "advice": finding.advice
    }  # fmt: skip
