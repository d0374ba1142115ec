"""Owns how the levels of settings become one route: defaults, app, route; the nearest replaces, deny adds up."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar, cast
from urllib.parse import quote

from gateway.core.header_lines import header_lines
from gateway.core.policy.client import Client
from gateway.core.policy.conditions import Anyone, Condition, brought_tokens, captured, on_people
from gateway.core.policy.cors import Cors
from gateway.core.policy.cross_origin import cors_block
from gateway.core.policy.header_sets import header_set
from gateway.core.policy.headers import CACHE_CONTROL, DEFAULT, PRIVATE
from gateway.core.policy.key_places import NOWHERE
from gateway.core.policy.patterns import PathPattern
from gateway.core.policy.places import Place, Problems
from gateway.core.policy.reading.apps import AppText, HostText, PathText, RouteText
from gateway.core.policy.reading.credentials import Accepted
from gateway.core.policy.reading.legs import Draft, Inherited
from gateway.core.policy.reading.limits import OwnLimit
from gateway.core.policy.reading.settings import Identity, Level
from gateway.core.policy.route import BY_SESSION, Cache, Denial, Leg, Limits, Require, Respond, Route
from gateway.core.policy.site import Site
from gateway.core.policy.tree import RoutePath

T = TypeVar("T")
_BY_SESSION: Final = Accepted(BY_SESSION, NOWHERE)
NO_STORE: Final = (f"X-Bastion-Set-{CACHE_CONTROL}", "no-store")
_OF_CACHE: Final[Mapping[Cache, tuple[tuple[str, str], ...]]] = {
    "private": (PRIVATE,),
    "shared": (),
    "none": (NO_STORE, PRIVATE),
}
_OWN_FRAMES: Final = "'self'"  # where the policy leaves frames to the app, which we can't ask
_IN_PATHS: Final = "/!$&'()*+,:=@~"  # what a browser writes into a path as it is


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry with where it comes from, for messages about two that collide."""

    host: HostText
    path: PathText
    entry: RoutePath


@dataclass(frozen=True, slots=True)
class Composer:
    defaults: Level
    site: Site
    default_limits: Limits
    clients: Mapping[str, Client]
    problems: Problems
    _known: dict[Hashable, Hashable] = field(default_factory=dict)

    def compose(self, app: AppText) -> Iterator[Placed]:
        """One for each host and path of each route."""
        self._judge_level(app.level, _expanded(app.level, ()))
        for text in app.routes:
            legs = self._legs(app, text)
            self._judge_level(text.level, legs)
            self._judge_require(text.level, legs)
            route = self._route(app, text, legs)
            self._judge_credentials(text.level, route)
            self._judge_app_tokens(route)
            for host in app.hosts:
                for path, pattern in zip(text.paths, route.paths, strict=True):
                    self._judge_captures(host, path)
                    yield self._placed(host, path, pattern, text, route)

    def _legs(self, app: AppText, text: RouteText) -> tuple[Draft, ...]:
        if text.level.allow is None and app.level.allow is None:
            self.problems.add(
                text.level.place, f"{app.name}/{text.name} has no allow; expected one, here or on the app"
            )
        above = _expanded(app.level, ())
        if app.level.allow is not None and _has_inherited(app.level):
            self.problems.add(app.level.place, "`inherited` has nothing above; expected it in allow of a route")
        if text.level.allow is None:
            return above
        if app.level.allow is None and _has_inherited(text.level):
            self.problems.add(text.level.place, f"`inherited` has nothing above; expected allow on {app.name}")
        return _expanded(text.level, above)

    def _judge_level(self, level: Level, legs: tuple[Draft, ...]) -> None:
        """What contradicts itself on one level."""
        stranger = next((leg for leg in legs if leg.strangers), None)
        for denial in level.deny:
            if stranger is not None and denial.people:
                self.problems.add(
                    denial.place,
                    f"deny names people, but allow ({stranger.place}) lets anonymous clients in: "
                    "they only have to log out; expected `authenticated`, users or groups in allow",
                )
        if level.identity == "optional" and not any(isinstance(leg.condition, Anyone) for leg in legs):
            self.problems.add(
                level.place, "identity: optional without anyone; expected allow: anyone on the same level"
            )

    def _judge_require(self, level: Level, legs: tuple[Draft, ...]) -> None:
        asked = level.asked
        if asked is not None and not asked.dropped and legs and not any(leg.people for leg in legs):
            self.problems.add(
                asked.place,
                f"require asks nobody: allow ({legs[0].place}) has no leg with people; expected users or groups",
            )

    def _judge_credentials(self, level: Level, route: Route) -> None:
        """Whether there is a leg for what is accepted, and what is accepted for each leg."""
        if level.forward_credentials and not route.takes_tokens:
            self.problems.add(
                level.place,
                f"forward_credentials of {route.name} has nothing to forward, because only session is accepted; write "
                "credentials: [session, bearer]",
            )
        people = [leg for leg in route.legs if leg.people]
        tokens = [leg for leg in people if leg.tokens]
        if tokens and not route.credentials - BY_SESSION and (level.allow is not None or level.credentials is None):
            self.problems.add(
                tokens[0].place,
                "the leg names scopes or clients, but only session is accepted here; expected bearer, dpop or "
                "api_key; write credentials: [session, bearer]",
            )
        elif people and not tokens and not route.credentials & BY_SESSION:
            self.problems.add(
                people[0].place,
                f"{route.name} accepts tokens alone, and no leg is for them; expected one that names scopes or "
                "clients; or write credentials: session",
            )
        elif people and all(leg.require.dpop for leg in people):
            if "dpop" not in route.credentials:
                self.problems.add(
                    level.place,
                    f"{route.name} requires dpop, but doesn't accept it; write credentials: [session, dpop]",
                )
            elif not tokens:
                self.problems.add(
                    level.place, f"{route.name} requires dpop, and no leg is for tokens; expected one that names scopes"
                )

    def _judge_app_tokens(self, route: Route) -> None:
        """What Bastion reads itself, and takes away, the app could not check."""
        for place, condition in _conditions(route):
            for token in brought_tokens(condition):
                clash = token.clash(route.credentials, route.key_places)
                if clash:
                    self.problems.add(
                        place,
                        f"app token `{token.name}` is read from {clash}, where {route.name} looks for a credential of "
                        "Bastion's; expected another place, or credentials that leave this one to the app",
                    )

    def _route(self, app: AppText, text: RouteText, legs: tuple[Draft, ...]) -> Route:
        levels = (text.level, app.level, self.defaults)
        denials = tuple(Denial(draft.condition, draft.place) for level in reversed(levels) for draft in level.deny)
        require = _require(levels)
        identity = _identity(levels, legs)
        asks_people = identity == "optional" or any(leg.people for leg in legs) or any(map(_on_people, denials))
        headers = _nearest(level.headers for level in levels) or DEFAULT
        # Who may not come in must not get the answer from a shared cache either.
        alike: Cache = "private" if asks_people or denials or not _open(legs) else "shared"
        cache: Cache = _nearest(level.cache for level in levels) or alike
        cors: Cors = _nearest(level.cors for level in levels) or "none"
        block = (*headers.block(self.site.origin_of(self.site.auth_host)), *_OF_CACHE[cache])
        limits = self._limits(f"{app.name}/{text.name}", levels)
        accepted = _nearest(level.credentials for level in levels) or _BY_SESSION
        all_legs = self._shared(tuple(_leg(number, draft, require) for number, draft in enumerate(legs, 1)))
        alone = (*block, *cors_block(cors, None))
        conditions = [*(leg.condition for leg in legs), *(denial.condition for denial in denials)]
        token_legs = tuple(leg for leg in all_legs if leg.tokens or not leg.people)
        return Route(
            name=f"{app.name}/{text.name}",
            place=text.level.place,
            hosts=tuple(host.pattern for host in app.hosts),
            paths=tuple(path.pattern.under(app.base) for path in text.paths),
            methods=tuple(sorted(text.methods or ())),
            legs=all_legs,
            denials=denials,
            asks_people=asks_people,
            identity=identity,
            limits=limits.session,
            anonymous_limits=limits.anonymous,
            cors=cors,
            cross_origin_allow=bool(_nearest(level.cross_origin_allow for level in levels)),
            path_accepts=_nearest(level.path_accepts for level in levels) or frozenset(),
            respond=_nearest(level.respond for level in levels) or Respond(),
            headers=headers.name,
            frame_ancestors=headers.ancestors or _OWN_FRAMES,
            response_block=block,
            head=header_lines(alone),
            header_set=self._shared(header_set(headers.name, alone, rated=bool(limits.session))),
            cache=cache,
            base=quote(str(app.base), safe=_IN_PATHS),
            app_cookies=_nearest(level.app_cookies for level in levels) or (),
            case=app.case,
            priority=text.priority,
            note=text.level.note,
            review=_nearest(level.review for level in levels),
            credentials=accepted.kinds,
            clients=self.clients,
            forwards_credentials=bool(_nearest(level.forward_credentials for level in levels)),
            sends_assertion=bool(_nearest(level.assertion for level in levels)),
            token_limits=limits.token,
            key_places=accepted.key_places,
            app_tokens=tuple({token.name: token for one in conditions for token in brought_tokens(one)}.values()),
            token_legs=token_legs,
            service_legs=token_legs,
        )

    def _shared(self, one: T) -> T:
        """One for all routes with the same: what many requests meet stays in the processor's memory."""
        return cast(T, self._known.setdefault(one, one))

    def _limits(self, name: str, levels: tuple[Level, ...]) -> Limits:
        given = _nearest(level.limits for level in levels)
        if given is None:
            return self.default_limits
        named = tuple(
            limit.named(f"{name}#{number}") if isinstance(limit, OwnLimit) else limit
            for number, limit in enumerate(given, 1)
        )
        shared = self._shared(named)
        return Limits(shared, shared, shared)

    def _placed(self, host: HostText, path: PathText, pattern: PathPattern, text: RouteText, route: Route) -> Placed:
        """pattern: the path with the app's base. Captures that no condition uses are not kept."""
        there = {name for name, _index in (*pattern.captures, *host.pattern.captures)}
        for place, condition in _conditions(route):
            for name in sorted(captured(condition) - there):
                self.problems.add(
                    place, f"{{{name}}} is captured by no host or path of {route.name} {pattern}; expected it in each"
                )
        needed = frozenset(name for _place, condition in _conditions(route) for name in captured(condition))
        return Placed(
            host,
            path,
            RoutePath(
                route,
                pattern,
                text.methods,
                tuple(pair for pair in pattern.captures if pair[0] in needed),
                tuple(pair for pair in host.pattern.captures if pair[0] in needed),
            ),
        )

    def _judge_captures(self, host: HostText, path: PathText) -> None:
        for name in {name for name, _ in path.pattern.captures} & {name for name, _ in host.pattern.captures}:
            self.problems.add(path.place, f"{{{name}}} is captured by {host.text} too; expected another name")


def _on_people(denial: Denial) -> bool:
    return on_people(denial.condition)


def _open(legs: tuple[Draft, ...]) -> bool:
    return any(isinstance(leg.condition, Anyone) for leg in legs)


def _conditions(route: Route) -> Iterator[tuple[Place, Condition]]:
    yield from ((leg.place, leg.condition) for leg in route.legs)
    yield from ((denial.place, denial.condition) for denial in route.denials)


def _nearest(values: Iterable[T | None]) -> T | None:
    """Of the levels from the route outwards: the first that says something."""
    return next((value for value in values if value is not None), None)


def _has_inherited(level: Level) -> bool:
    return any(isinstance(leg, Inherited) for leg in level.allow or ())


def _expanded(level: Level, above: tuple[Draft, ...]) -> tuple[Draft, ...]:
    expanded = list[Draft]()
    for leg in level.allow or ():
        expanded.extend(above if isinstance(leg, Inherited) else (leg,))
    return tuple(expanded)


def _require(levels: tuple[Level, ...]) -> Require:
    """levels: from the route outwards. Merged by key; `require: none` drops what stands further out."""
    mfa, within_s, dpop, amr, below = False, 0, False, 0, 0
    for asked in (level.asked for level in reversed(levels)):
        if asked is None:
            continue
        if asked.dropped:
            mfa, within_s, dpop, amr, below = False, 0, False, 0, 0
        mfa = mfa if asked.mfa is None else asked.mfa
        within_s = within_s if asked.authenticated_within_s is None else asked.authenticated_within_s
        dpop = dpop if asked.dpop is None else asked.dpop
        amr = amr if asked.amr is None else asked.amr
        below = below if asked.risk_below is None else asked.risk_below
    return Require(mfa, within_s, dpop, amr, below)


def _identity(levels: tuple[Level, ...], legs: tuple[Draft, ...]) -> Identity:
    """An inherited `optional` means nothing where strangers don't come in by `anyone`."""
    identity: Identity | None = _nearest(level.identity for level in levels)
    return "sent" if identity is None or (identity == "optional" and not _open(legs)) else identity


def _leg(number: int, draft: Draft, require: Require) -> Leg:
    asked = Require()
    if draft.people:
        own = draft.asked
        asked = require.and_also(own.require) if own else require
    return Leg.of(draft.name or f"leg {number}", draft.condition, asked, draft.place, people=draft.people)
