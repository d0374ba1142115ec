"""Judges an adapted Caddyfile: every request to a host of policy is asked about before anything answers it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from gateway.core.caddy.adapted import Adapted, Handler, Route, Server, handlers_below
from gateway.core.caddy.error_pages import judge_errors
from gateway.core.caddy.findings import SNIPPET, Finding, Level
from gateway.core.caddy.guards import Guards, differences, is_earlier, short_ways
from gateway.core.caddy.hosts import Meets, covers, hosts_of, meets, overlaps, pattern_of
from gateway.core.caddy.kinds import Kind, directive_of, streams_without_end, told
from gateway.core.caddy.listening import Listening, judge_admin, judge_server, listening
from gateway.core.caddy.second_doors import second_doors
from gateway.core.caddy.visit import Met, Visit
from gateway.core.policy.patterns import HostPattern, host_pattern
from gateway.core.policy.site import Site

_INSIDE: Final = "move it into `import bastion { ... }`"
_ORDER: Final = tuple(Level)


@dataclass(frozen=True)
class Protected:
    """What has to be guarded. hosts: of policy, as written. auth host: of the site."""

    hosts: tuple[str, ...]
    site: Site
    guards: Guards

    @cached_property
    def patterns(self) -> tuple[HostPattern, ...]:
        """Of policy's hosts."""
        return tuple(map(host_pattern, self.hosts))

    @cached_property
    def auth(self) -> HostPattern:
        return pattern_of(self.site.auth_host)

    def ours(self, host: str) -> bool:
        """Whether browsers may be sent there."""
        found = pattern_of(host)
        return any(overlaps(found, one) for one in (*self.patterns, self.auth))


def lint(adapted: Adapted, protected: Protected) -> tuple[Finding, ...]:
    """Each finding once, errors first."""
    judged = tuple(_judged(adapted, protected))
    doors = (door for door in second_doors(adapted, protected.guards) if not _is_told(door, judged))
    found = dict.fromkeys((*judged, *doors, *judge_admin(adapted)))
    return tuple(sorted(_merged(found), key=lambda finding: _ORDER.index(finding.level)))


def _is_told(door: Finding, judged: Sequence[Finding]) -> bool:
    """Whether its site, or the proxy itself, is an error already. An error of the whole server tells of no door."""
    of_sites = (one for one in judged if one.level is Level.ERROR and "routes" in one.at)
    return any(f"{door.at}.".startswith(f"{one.at}.") for one in of_sites)


def _merged(findings: Iterable[Finding]) -> Iterator[Finding]:
    """What is wrong with a snippet is one thing to mend, however many sites import it."""
    of_snippet: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.directive == SNIPPET:
            of_snippet.setdefault(finding.what, []).append(finding)
        else:
            yield finding
    for alike in of_snippet.values():
        yield replace(alike[0], site=", ".join(dict.fromkeys(finding.site for finding in alike)))


def _judged(adapted: Adapted, protected: Protected) -> Iterator[Finding]:
    named = (*zip(protected.hosts, protected.patterns, strict=True), (protected.site.auth_host, protected.auth))
    for name, host in named:
        served = False
        for server in adapted.servers:
            search = _Search(adapted, server, protected, name, host)
            yield from search.findings()
            served = served or search.served
        if not served:
            yield _missing(name, name == protected.site.auth_host)
    for server in adapted.servers:
        if any(meets(route, host) is not Meets.NEVER for route in server.routes for _name, host in named):
            yield from judge_server(adapted, server, protected.site)


@dataclass(slots=True)
class _Search:
    """Of all that one server does for one host. served: some site does more than send away or refuse."""

    adapted: Adapted
    server: Server
    protected: Protected
    name: str
    host: HostPattern
    served: bool = False

    def findings(self) -> Iterator[Finding]:
        errors = list(self.server.errors)
        for route in self.server.routes:
            how_often = meets(route, self.host)
            if how_often is Meets.NEVER or self._is_of_the_auth_host(route):
                continue
            visit = Visit(self.server, self.host, self.protected.guards, self.protected.ours).enter(route)
            errors += visit.errors
            yield from self._judge(route, visit)
            if how_often is Meets.ALWAYS and (route.terminal or visit.ended):
                break
        yield from judge_errors(errors, self.host, self.protected.guards)

    def _is_of_the_auth_host(self, route: Route) -> bool:
        """A pattern of policy may be wide enough for the auth host; that is judged by itself."""
        return self.host != self.protected.auth and hosts_of(route) == (self.protected.site.auth_host,)

    def _judge(self, route: Route, visit: Visit) -> Iterator[Finding]:
        site = self._site(route)
        if not visit.guarded and not self._serves(visit):
            yield from (_elsewhere(site, met) for met in visit.met if met.kind is Kind.ELSEWHERE)
            return
        self.served = True
        how = listening(self.adapted, self.server, site)
        if how is Listening.CLEAR and self.protected.site.origin_scheme == "https":
            yield _clear(site, route, visit)
            return
        if not visit.guarded:
            yield self._unwrapped(site, route, visit)
            return
        yield from self._met(site, visit)
        yield from self._guarded(site, visit)

    def _serves(self, visit: Visit) -> bool:
        """A site that only sends away or refuses has nothing to be asked about."""
        return not visit.ended or any(met.kind is Kind.SERVES for met in visit.met)

    def _met(self, site: str, visit: Visit) -> Iterator[Finding]:
        for met in visit.met:
            if met.kind is Kind.SERVES:
                yield _before(site, met)
            elif met.kind is Kind.ELSEWHERE:
                yield _elsewhere(site, met)
            elif met.kind is Kind.QUIET:
                yield _quiet(site, met)
        yield from (_beside(site, met) for met in visit.beside)
        yield from (_again(site, handler) for handler in visit.again)
        yield from (_bare(site, handler) for handler in visit.bare)

    def _guarded(self, site: str, visit: Visit) -> Iterator[Finding]:
        guards, of_auth = self.protected.guards, self.host == self.protected.auth
        right, wrong = (visit.auths, visit.wrappers) if of_auth else (visit.wrappers, visit.auths)
        yield from (_other_snippet(site, handler, of_auth) for handler in wrong)
        for handler in right:
            if not of_auth and is_earlier(handler):
                yield _earlier(site, handler)
                continue
            yield from _differing(site, handler, guards.auth if of_auth else guards.wrapper)
            if not of_auth:
                yield from _short_ways(site, handler, guards)
                yield from self._inside(site, handler)

    def _inside(self, site: str, wrapper: Handler) -> Iterator[Finding]:
        """What Bastion can't bound once it has let somebody in."""
        handlers = tuple(handlers_below(wrapper.routes))
        if not any(handler.kind == "request_body" for handler in handlers):
            yield _unlimited(site, wrapper)
        for handler in handlers:
            if streams_without_end(handler) and not self.protected.guards.is_question(handler):
                yield _endless(site, handler)

    def _site(self, route: Route) -> str:
        """As the Caddyfile calls it."""
        hosts = [host for host in hosts_of(route) if overlaps(pattern_of(host), self.host)]
        return hosts[0] if hosts else next(iter(self.server.listen), self.server.name)

    def _unwrapped(self, site: str, route: Route, visit: Visit) -> Finding:
        shown = [told(met.handler) for met in visit.met if met.kind is Kind.SERVES]
        what = f"{', '.join(dict.fromkeys(shown)) or 'an empty answer'} without any wrapper"
        if self.host == self.protected.auth:
            way_out = "write `import bastion_auth` and nothing else into the site"
            return Finding("unwrapped", Level.ERROR, site, route.at, what, "nobody can log in there", way_out)
        way_out = f"put the whole site into `import bastion {{ ... }}`, or take {self.name} out of policy"
        if not any(covers(pattern_of(host), self.host) and self.host.exact for host in _exact(route)):
            what = f"this site answers for {self.name}, a host of policy, with {what}"
            way_out = f"give {self.name} a site of its own with `import bastion {{ ... }}`, or wrap this one"
            return Finding("shadowed", Level.ERROR, site, route.at, what, _UNASKED, way_out)
        return Finding("unwrapped", Level.ERROR, site, route.at, what, _UNASKED, way_out)


_UNASKED: Final = "Bastion is never asked, so everybody gets it"


def _exact(route: Route) -> Sequence[str]:
    return [host for host in hosts_of(route) if "*" not in host]


def _missing(host: str, is_auth: bool) -> Finding:
    what = f"no site asks Bastion about {host}"
    if is_auth:
        return Finding(
            "missing", Level.ERROR, host, "apps.http", what, "nobody can log in",
            f"add a site {host} with the line `import bastion_auth`",
        )  # fmt: skip
    return Finding(
        "missing", Level.ERROR, host, "apps.http", what,
        "policy protects a host that this Caddy does not serve, or that another server answers for",
        f"add a site for {host} with `import bastion {{ ... }}`, or take it out of policy",
    )  # fmt: skip


def _before(site: str, met: Met) -> Finding:
    return _of(
        "before", Level.ERROR, site, met, "stands before the wrapper",
        "Caddy runs it first, so Caddy does not ask Bastion about it, or asks about another request", _INSIDE,
    )  # fmt: skip


def _beside(site: str, met: Met) -> Finding:
    return _of(
        "beside", Level.ERROR, site, met, "stands beside the wrapper",
        "the wrapper answers everything, so Caddy never reaches it; without the wrapper, Caddy would not ask Bastion",
        _INSIDE,
    )  # fmt: skip


def _again(site: str, handler: Handler) -> Finding:
    return Finding(
        "again", Level.ERROR, site, handler.at, "imports a second wrapper",
        "the first one answers everything, so Caddy never reaches the second",
        "move its directives into the first `import bastion { ... }`", "import", is_repeated=True,
    )  # fmt: skip


def _quiet(site: str, met: Met) -> Finding:
    why = "it answers nothing itself, but also changes Bastion's own answers"
    return _of("quiet", Level.WARNING, site, met, "stands before the wrapper", why, _INSIDE)


def _elsewhere(site: str, met: Met) -> Finding:
    why = "anonymous clients are redirected, with their path, to a host that policy does not know"
    return _of("elsewhere", Level.ERROR, site, met, "leads away from a host of policy", why, _INSIDE)


def _of(code: str, level: Level, site: str, met: Met, what: str, why: str, way_out: str) -> Finding:
    condition = f" for {met.condition}" if met.condition else ""
    what = f"{told(met.handler)}{condition} {what}"
    return Finding(code, level, site, met.handler.at, what, why, way_out, directive_of(met.handler))


def _bare(site: str, handler: Handler) -> Finding:
    return Finding(
        "bare", Level.ERROR, site, handler.at, "the request to Bastion is not inside `route`",
        "Caddy sorts `handle`, `redir`, `respond` and others before it, and they answer without asking Bastion",
        "print the snippet again with `bastion caddy snippet`, and put the site into `import bastion { ... }`",
    )  # fmt: skip


def _other_snippet(site: str, handler: Handler, of_auth: bool) -> Finding:
    wanted, has = ("bastion_auth", "bastion") if of_auth else ("bastion", "bastion_auth")
    why = "nobody can log in" if of_auth else "it leads to Bastion's own pages, not to the app"
    what = f"imports {has} where {wanted} belongs"
    return Finding("snippet", Level.ERROR, site, handler.at, what, why, f"write `import {wanted}`", "import")


def _earlier(site: str, handler: Handler) -> Finding:
    return Finding(
        "snippet", Level.ERROR, site, handler.at, "the snippet is of an earlier version",
        "it costs Caddy twice as much CPU, the lint can't check it, and the next release refuses it",
        "print it again with `bastion caddy snippet`", SNIPPET,
    )  # fmt: skip


def _short_ways(site: str, handler: Handler, guards: Guards) -> Iterator[Finding]:
    """Of header sets: those that policy no longer has are never asked for."""
    has, wanted = short_ways(handler), guards.short_ways
    for name in has.keys() & wanted.keys():
        if has[name] != wanted[name]:
            yield Finding(
                "snippet", Level.ERROR, site, handler.at, f"the snippet sets other headers for {name}",
                "it was edited", "print it again with `bastion caddy snippet`", SNIPPET,
            )  # fmt: skip
    missing = sorted(wanted.keys() - has.keys())
    if missing:
        yield Finding(
            "short-ways", Level.WARNING, site, handler.at, f"the snippet does not know {', '.join(missing)}",
            "policy changed since it was printed; everything works, but answers with these headers cost Caddy more",
            "print it again with `bastion caddy snippet`", SNIPPET,
        )  # fmt: skip


def _differing(site: str, handler: Handler, expected: tuple[str, ...]) -> Iterator[Finding]:
    for difference in differences(expected, handler):
        yield Finding(
            "snippet", Level.ERROR, site, handler.at, f"the snippet {difference}",
            "it belongs to another version or configuration, or was edited",
            "print it again with `bastion caddy snippet`; --decision and --web name other addresses of the listeners",
            SNIPPET,
        )  # fmt: skip


def _unlimited(site: str, handler: Handler) -> Finding:
    return Finding(
        "bodies", Level.NOTE, site, handler.at, "takes bodies of any size",
        "anybody who gets in may upload without limit",
        "write `request_body` with the line `max_size 100MB` inside the wrapper, if the app sets no bound",
    )  # fmt: skip


def _endless(site: str, handler: Handler) -> Finding:
    return Finding(
        "streams", Level.WARNING, site, handler.at, f"{told(handler)} has no stream_timeout",
        "a WebSocket that is open when its person logs out goes on without end",
        "write `stream_timeout 15m` into it",
    )  # fmt: skip


def _clear(site: str, route: Route, visit: Visit) -> Finding:
    shown = "the wrapped site" if visit.guarded else ", ".join(told(met.handler) for met in visit.met) or "an answer"
    return Finding(
        "clear-text", Level.ERROR, site, route.at, f"{shown} over plain HTTP",
        "passwords, cookies and pages go over the network in clear",
        "remove the http:// site, Caddy redirects by itself; or write `redir https://{host}{uri}` in it",
    )  # fmt: skip
