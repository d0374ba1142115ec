"""Compiles the files of a policy into one, or says everything that is wrong with them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Final

from gateway.core.policy.app_cookies import MOST_COOKIES, AppCookie
from gateway.core.policy.cases import PolicyTest
from gateway.core.policy.client import Client
from gateway.core.policy.compose import Composer, Placed
from gateway.core.policy.grammar import DEFAULTS, DEFINE, POLICY
from gateway.core.policy.key_scopes import KeyScopes
from gateway.core.policy.model import Policy
from gateway.core.policy.overlay import NO_OVERLAY, Overlay
from gateway.core.policy.patterns import HostPattern
from gateway.core.policy.places import Page, Place, PolicyRejected, Problem, Problems
from gateway.core.policy.reading.apps import AppText, DeclaredApps
from gateway.core.policy.reading.cases import Actors, Tests
from gateway.core.policy.reading.clients import DeclaredClients
from gateway.core.policy.reading.maps import keyed
from gateway.core.policy.reading.registered import RegisteredClient, read_registered
from gateway.core.policy.reading.scopes import BUILT_IN
from gateway.core.policy.reading.settings import Definitions, Level, read_level
from gateway.core.policy.route import Limits, Route
from gateway.core.policy.secrets import SecretReader, not_read
from gateway.core.policy.site import Site
from gateway.core.policy.ties import refuse_ties
from gateway.core.policy.tree import HostTree, RoutePath, RouteTable
from gateway.core.ratelimit.gcra import Limit, Per
from gateway.core.yaml_marks import Marked, MarkedMap, YamlProblem, load_marked

__all__ = ["DEFAULT_LIMITS", "Policy", "PolicyRejected", "Problem", "Site", "compile_policy"]

_SESSION: Final = "GENERAL.SESSION"
_ANONYMOUS: Final = "GENERAL.STRANGER"
_EXECUTE: Final = "GENERAL.EXECUTE"
_MINUTE_US: Final = 60_000_000
DEFAULT_LIMITS: Final[Mapping[str, Limit]] = {
    _SESSION: Limit(_SESSION, 600, _MINUTE_US, 2000, Per.PRINCIPAL, allow_on_store_failure=True),
    _EXECUTE: Limit(_EXECUTE, 600, _MINUTE_US, 600, Per.CALLER, allow_on_store_failure=True),
    _ANONYMOUS: Limit(_ANONYMOUS, 3000, _MINUTE_US, 3000, Per.IP, allow_on_store_failure=True),
}
_VERSION_CHARACTERS: Final = 16
_Files = list[tuple[Page, Mapping[str, Marked]]]


def compile_policy(
    sources: Mapping[str, str],
    site: Site,
    *,
    limits: Mapping[str, Limit] = DEFAULT_LIMITS,
    with_tests: bool = True,
    secrets: SecretReader = not_read,
    registered: Sequence[RegisteredClient] = (),
    overlay: Overlay = NO_OVERLAY,
) -> Policy:
    """sources: file name -> text; all files are one policy. limits: budgets of the configuration, usable by name;
    GENERAL.SESSION, GENERAL.STRANGER and GENERAL.EXECUTE among them hold where a route names none. with_tests: False
    does not read `tests:` at all. secrets: reads those of clients that are not in the policy.
    registered: those beside the declared ones, which neither legs nor tests can name. One that is wrong, or bears a
    declared one's name, is left out. overlay: of an emergency; no part of the version.

    Raises PolicyRejected with all mistakes at once.
    """
    problems = Problems()
    files = _files(sources, problems)
    names = Definitions.over(limits, _client_names(files))
    clients = DeclaredClients(site, names, secrets)
    people = Actors(clients.read, names.conditions.clients)
    for page, at in _sections(files, "define"):
        for kind, names_of_kind in (keyed(page, at, DEFINE) or {}).items():
            book = people.named if kind == "people" else names.book(kind)
            book.add(page, names_of_kind)
    apps, tests = DeclaredApps(site, names), Tests(people, names.networks)
    for page, at in _sections(files, "apps"):
        apps.add(page, at)
    for page, at in _sections(files, "clients"):
        clients.add(page, at)
    for page, at in _sections(files, "tests") if with_tests else ():
        tests.add(page, at)
    names.read_all()
    list(people.named.each())
    default_limits = Limits((limits[_SESSION],), (limits[_ANONYMOUS],), (limits[_EXECUTE],))
    composer = Composer(_defaults(files, names), site, default_limits, clients.read, problems)
    placed = [one for app in apps.read for one in composer.compose(app)]
    refuse_ties(placed, problems)
    _refuse_many_cookies(placed, problems)
    if problems.found:
        raise PolicyRejected(problems.found)
    beside = read_registered(registered, clients.read, site, names)
    clients.read.update(beside.read)  # the routes have this very map
    if overlay != NO_OVERLAY:
        placed = _laid_over(placed, overlay)
    policy = _policy(_version(sources), site, names, apps.read, placed, tests.read, clients.read)
    return replace(policy, left_out=beside.left_out)


def _laid_over(placed: Sequence[Placed], overlay: Overlay) -> list[Placed]:
    """A route of several hosts and paths stays one."""
    routes = {route: overlay.on(route) for route in {one.entry.route: None for one in placed}}
    return [replace(one, entry=replace(one.entry, route=routes[one.entry.route])) for one in placed]


def _files(sources: Mapping[str, str], problems: Problems) -> _Files:
    files: _Files = []
    for name in sorted(sources):
        page = Page(name, problems)
        try:
            found = keyed(page, load_marked(sources[name], name), POLICY)
        except YamlProblem as bad:
            problems.add(Place(name, bad.line, bad.column), _hinted(bad.message))
        else:
            files.append((page, found or {}))
    return files


def _hinted(message: str) -> str:
    """YAML says in its own words that a mark ended the text, or began something."""
    if "unexpected ':'" in message:
        return f"{message}; a CSP scheme stands without its colon (data, not data:), other text with a : needs quotes"
    if "flow mapping" in message or "flow sequence" in message:
        return f"{message}; text with {{, }}, [, ] or , in it needs quotes inside of {{...}} and [...]"
    return message


def _sections(files: _Files, key: str) -> Iterable[tuple[Page, Marked]]:
    return [(page, found[key]) for page, found in files if key in found]


def _client_names(files: _Files) -> Iterable[str]:
    """As written: what is wrong with a client is said where it stands."""
    for _page, at in _sections(files, "clients"):
        yield from (key.text for key, _value in at.entries) if isinstance(at, MarkedMap) else ()


def _defaults(files: _Files, names: Definitions) -> Level:
    level, first = Level(Place("", 1, 1)), ""
    for page, at in _sections(files, "defaults"):
        if first:
            page.say(at, f"defaults again, first in {first}; expected them in one file")
        else:
            given = keyed(page, at, DEFAULTS) or {}
            level, first = read_level(page, page.place(at), given, names), page.file
    return level


def _refuse_many_cookies(placed: Iterable[Placed], problems: Problems) -> None:
    """All apps of a host together: one answer has to expire them all."""
    hosts: dict[object, tuple[str, dict[AppCookie, None]]] = {}
    for one in placed:
        _host, cookies = hosts.setdefault(one.host.pattern.key, (one.host.text, {}))
        cookies.update(dict.fromkeys(one.entry.route.app_cookies))
    for host, cookies in hosts.values():
        for cookie in list(cookies)[MOST_COOKIES:]:
            problems.add(
                cookie.place,
                f"`{cookie.name}` is one too many for {host}; expected at most {MOST_COOKIES} app_cookies of a host",
            )


def _version(sources: Mapping[str, str]) -> str:
    digest = sha256()
    for name in sorted(sources):
        for part in (name.encode(), sources[name].encode("utf-8", "surrogatepass")):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:_VERSION_CHARACTERS]


def _policy(
    version: str,
    site: Site,
    names: Definitions,
    apps: Iterable[AppText],
    placed: Iterable[Placed],
    tests: Iterable[PolicyTest],
    clients: Mapping[str, Client],
) -> Policy:
    by_host: dict[object, tuple[HostPattern, list[RoutePath]]] = {}
    routes = dict[str, Route]()
    for one in placed:
        by_host.setdefault(one.host.pattern.key, (one.host.pattern, []))[1].append(one.entry)
        routes[one.entry.route.name] = one.entry.route
    tables = {pattern: RouteTable(entries) for pattern, entries in by_host.values()}
    return Policy(
        version=version,
        hosts=tuple(dict.fromkeys(host.text for app in apps for host in app.hosts)),
        routes=tuple(routes.values()),
        tests=tuple(tests),
        networks=dict(names.networks.each()),
        site=site,
        exact_hosts={".".join(_labels(pattern)): table for pattern, table in tables.items() if pattern.exact},
        other_hosts=HostTree({pattern: table for pattern, table in tables.items() if not pattern.exact}),
        clients=clients,
        scopes={**BUILT_IN, **dict(names.scopes.each())},
        key_scopes=KeyScopes(dict(names.key_scopes.each())),
    )


def _labels(pattern: HostPattern) -> Iterable[str]:
    return [label or "" for label in pattern.labels][::-1]
