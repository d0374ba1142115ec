"""`bastion policy`: check it, run its tests, ask it why, and print what the language is made of."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from ipaddress import ip_address
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar
from urllib.parse import urlsplit

import click

from gateway.cli._options import CONFIG_FILE, DEV, with_config
from gateway.cli._policy_person import ExplainedPerson, seconds
from gateway.cli._policy_reload import reload_all
from gateway.config import Config, load_config
from gateway.config.client_secrets import client_secret
from gateway.config.sections.limits import by_name, default_limits
from gateway.core.analysis.explain import explain as explained
from gateway.core.analysis.lint import lint
from gateway.core.analysis.simulate import Asked
from gateway.core.analysis.tests_runner import run_tests
from gateway.core.analysis.unmet import Directory, without_person
from gateway.core.analysis.warning import PolicyWarning
from gateway.core.assurance.model import METHODS
from gateway.core.policy.facts import SESSION
from gateway.core.policy.model import Policy
from gateway.core.policy.places import Place
from gateway.core.policy.route import CREDENTIALS
from gateway.core.policy.schema import reference as reference_text
from gateway.core.policy.schema import schema as schema_of
from gateway.core.policy.secrets import not_read
from gateway.core.policy.site import Site
from gateway.core.ratelimit.gcra import Limit
from gateway.flows.policy.policies import compile_sources, load
from gateway.resources import clock
from gateway.stores.files.policies import read_sources, unread

P = ParamSpec("P")
R = TypeVar("R")
_KINDS: Final = ("navigate", "fetch", "websocket", "preflight")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the policy is, and what it needs to know of the configuration."""

    directory: Path
    site: Site
    limits: Mapping[str, Limit]
    config: Config | None = None

    def compiled(self) -> Policy:
        """Raises PolicyUnreadable or PolicyRefused."""
        secrets = not_read if self.config is None else client_secret
        return compile_sources(read_sources(self.directory), self.site, self.limits, secrets=secrets)


def _with_policy(command: Callable[Concatenate[_Place, P], R]) -> Callable[P, R]:
    """Adds --directory and --auth-url, which together need no configuration, --config and --dev."""

    @click.option(
        "--directory", type=click.Path(path_type=Path), help="The policy directory, if not the configured one."
    )
    @click.option("--auth-url", help="The auth host, if not the configured public_url: https://auth.example.com.")
    @CONFIG_FILE
    @DEV
    @wraps(command)
    def with_place(*arguments: P.args, **options: P.kwargs) -> R:
        directory, auth_url = options.pop("directory"), options.pop("auth_url")
        config_path, dev = options.pop("config_path"), options.pop("dev")
        assert directory is None or isinstance(directory, Path)
        assert auth_url is None or isinstance(auth_url, str)
        assert config_path is None or isinstance(config_path, Path)
        return command(_place(directory, auth_url, config_path, dev=bool(dev)), *arguments, **options)

    return with_place


@click.group()
def policy() -> None:
    """Check the policy, run its tests, and explain its decisions."""


@policy.command()
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@click.option("--people", is_flag=True, help="Also warn of groups and users that no person in the database has.")
@_with_policy
def check(place: _Place, *, strict: bool, people: bool) -> None:
    """Print every mistake with its place; exit status 1 if there is one. It does not run the tests.

    It also warns of valid rules that look like mistakes: a route inside a guarded path, or a POST beside other
    methods, that asks for less; an app that is open to anyone; paths that are open because of their ending. A `note`
    on the route confirms that it is meant. Other warnings name files that are not read, and requirements that nobody
    can meet: dates that have passed.
    """
    count = _warn(_unread(place.directory))  # first: what they define may be what the others lack
    found = place.compiled()
    by_people = _without_person(place, found) if people else ()
    count += _warn((*lint(found, clock()), *by_people))
    click.echo(
        f"{place.directory}: fine, version {found.version}: {len(found.routes)} routes on {len(found.hosts)} hosts, "
        f"{count} warnings"
    )
    if strict and count:
        raise SystemExit(1)


def _warn(warnings: Iterable[PolicyWarning]) -> int:
    """How many there are."""
    ordered = sorted(warnings)
    for warning in ordered:
        click.echo(str(warning), err=True)
    return len(ordered)


def _unread(directory: Path) -> tuple[PolicyWarning, ...]:
    message = "is not read, only *.yaml in the policy directory itself is; move it there, or rename it"
    return tuple(PolicyWarning(Place(file, 1, 1), "unread", message) for file in unread(directory))


def _without_person(place: _Place, found: Policy) -> tuple[PolicyWarning, ...]:
    from gateway.cli._people import act

    if place.config is None:
        raise click.UsageError("--people needs a configuration; leave out --auth-url")
    users = act(place.config, lambda admin: admin.list())
    names, groups = (one.username for one in users), (group for one in users for group in one.groups)
    return without_person(found, Directory(frozenset(names), frozenset(groups)))


@policy.command()
@_with_policy
def test(place: _Place) -> None:
    """Run the tests in the policy files; exit status 1 if one fails."""
    found = place.compiled()
    failures = run_tests(found, clock())
    for failure in failures:
        click.echo(str(failure), err=True)
    click.echo(f"{len(found.tests)} tests, {len(failures)} failures")
    if failures:
        raise SystemExit(1)


@policy.command()
@click.option(
    "--wait", is_flag=True, help="Wait until every worker of every node enforces it, or name those that do not."
)
@click.option("--within", default="30s", show_default=True, metavar="DURATION", help="The longest wait.")
@with_config
def reload(config: Config, *, wait: bool, within: str) -> None:
    """Tell every worker of every node to read its policy files again.

    Each node reads its own files. The command first checks and tests those of this node, then compares the other
    nodes with them. If a node is behind, it names the node and the reason; exit status 1.
    """
    within_s = seconds(within)
    if not within_s:
        raise click.BadParameter(f"{within}: expected at least 1s", param_hint="--within")
    loaded = load(config.policy.directory, Site.of(config.public_url), config.all_limits(), clock(), client_secret)
    version = loaded.policy.version
    workers = reload_all(config, version, within_s if wait else 0)
    if wait:
        click.echo(f"version {version} is in force on all {workers} workers")
    else:
        click.echo(f"asked all workers to read policy again; here it is version {version}")


@policy.command()
@click.argument("url")
@click.option("--method", default="GET", show_default=True)
@click.option("--user", help="The user; without it, an anonymous client.")
@click.option("--group", "groups", multiple=True, help="A group of the user. Repeat it for more.")
@click.option("--authenticated", default="1m", show_default=True, help="The age of the login.")
@click.option("--mfa", help="The age of the second factor.")
@click.option(
    "--amr", "methods", multiple=True, type=click.Choice(list(METHODS)), help="A proven method. Repeat it for more."
)
@click.option("--risk", type=click.IntRange(0, 100), help="The risk score of the login; without it, not known.")
@click.option(
    "--login",
    default="",
    metavar="ID",
    help="A live login of --user, as `bastion user sessions` shows it, with its groups, proofs, score and address.",
)
@click.option("--from", "address", default="", help="The client's address; without it, unknown.")
@click.option("--header", "headers", multiple=True, metavar="NAME:VALUE", help="A request header. Repeat it for more.")
@click.option("--kind", type=click.Choice(_KINDS), help="The kind of request. Default: navigate for GET, else fetch.")
@click.option("--credential", type=click.Choice(CREDENTIALS), default=SESSION, show_default=True, help="What comes.")
@click.option("--client", default="", help="Whose token it is; without --user a service's own.")
@click.option("--scope", "scopes", multiple=True, help="A scope of the token; may be given again.")
@_with_policy
def explain(
    place: _Place,
    url: str,
    method: str,
    user: str | None,
    groups: tuple[str, ...],
    authenticated: str,
    mfa: str | None,
    methods: tuple[str, ...],
    risk: int | None,
    login: str,
    credential: str,
    client: str,
    scopes: tuple[str, ...],
    address: str,
    headers: tuple[str, ...],
    kind: str | None,
) -> None:
    """Show the route that decides a request, the conditions that hold, and the answer.

    \b
    bastion policy explain https://wiki.example.com/admin --user ada --group staff --mfa 5m
    bastion policy explain https://wiki.example.com/admin --user ada --login 3vYk0Kb1RrSx8mWZ5nT2Qg
    """  # noqa: D301 - click wants the backspace
    now = clock()
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise click.BadParameter("expected a URL such as https://wiki.example.com/path", param_hint="URL")
    asking = ExplainedPerson(user, groups, authenticated, mfa, methods, risk, credential, client, scopes, login)
    person, seen_at = asking.actor(place.config, now)
    address = address or seen_at
    asked = Asked(
        method=method,
        host=parts.hostname,
        target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        person=person,
        address=ip_address(address) if address else None,
        now=now,
        headers=dict(_header(text) for text in headers),
        kind=kind or ("navigate" if method in ("GET", "HEAD") else "fetch"),
    )
    click.echo(f"at      {datetime.fromtimestamp(now, UTC).isoformat()}")
    for line in explained(place.compiled(), asked):
        click.echo(line)


@policy.command()
def schema() -> None:
    """Print the JSON Schema of policy files, for editors."""
    click.echo(json.dumps(schema_of(), indent=2))


@policy.command()
def reference() -> None:
    """Print docs/policy-reference.md."""
    click.echo(reference_text(), nl=False)


def _place(directory: Path | None, auth_url: str | None, config_path: Path | None, *, dev: bool) -> _Place:
    if directory is not None and auth_url is not None:
        try:
            site = Site.of(auth_url)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--auth-url") from error
        return _Place(directory, site, by_name(default_limits()))
    config = load_config(config_path, dev=dev).config
    return _Place(directory or config.policy.directory, Site.of(config.public_url), config.all_limits(), config)


def _header(text: str) -> tuple[str, str]:
    name, separator, value = text.partition(":")
    if not separator:
        raise click.BadParameter(f"{text}: expected NAME:VALUE", param_hint="--header")
    return name.strip().lower(), value.strip()
