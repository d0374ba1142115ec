"""Reads conditions: the legs of `allow`, and what `deny` names."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gateway.core.assurance.model import METHODS, bits_of
from gateway.core.policy.app_tokens import AppToken
from gateway.core.policy.conditions import (
    All,
    Any,
    Anyone,
    Authenticated,
    BringsToken,
    Clients,
    Condition,
    Groups,
    Networks,
    Nobody,
    Not,
    Scopes,
    Until,
    Users,
    holds_without_token,
    needs_token,
    on_other,
    on_people,
    on_tokens,
)
from gateway.core.policy.grammar import CONDITION, LEG, REQUIRE
from gateway.core.policy.networks import NetworkSet
from gateway.core.policy.places import Page, Place, did_you_mean
from gateway.core.policy.reading.book import Book
from gateway.core.policy.reading.elsewhere import LEGS
from gateway.core.policy.reading.maps import keyed
from gateway.core.policy.reading.networks import read_networks
from gateway.core.policy.reading.words import boolean, day, duration, items, midnight, text, texts, whole, word
from gateway.core.policy.route import Require
from gateway.core.units import DAY_S
from gateway.core.yaml_marks import Marked, MarkedMap, MarkedScalar

_CAPTURE: Final = re.compile(r"\{([^{}]+)\}")
_WORDS: Final[dict[str, Condition]] = {"anyone": Anyone(), "authenticated": Authenticated(), "nobody": Nobody()}
_INHERITED: Final = "inherited"
_LEG: Final = "a leg: anyone, authenticated, nobody, inherited, a map, or the name of a condition"
_TOKEN: Final = "the name of an app token"
_CONDITION: Final = "a condition: a map, or the name of one"
_NOBODY_TO_ASK: Final = "require asks nobody, because the leg names no people; expected users or groups in it"

_LEFT_OUT: Final = (
    "the leg holds where an app_token is left out, which anybody can do; expected `app_token: NAME`; to refuse "
    "requests without one, write deny: {not: {app_token: NAME}}"
)
_MAYBE_A_TOKEN: Final = (
    "the leg names scopes or clients, and holds without them too; expected them to be needed; write a leg for people "
    "and one for tokens"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A `require` as written: None is not said here. dropped: what is inherited doesn't hold any more."""

    place: Place
    mfa: bool | None = None
    authenticated_within_s: int | None = None
    dpop: bool | None = None
    amr: int | None = None
    risk_below: int | None = None
    dropped: bool = False

    @property
    def require(self) -> Require:
        """By itself, with nothing inherited."""
        return Require(
            bool(self.mfa), self.authenticated_within_s or 0, bool(self.dpop), self.amr or 0, self.risk_below or 0
        )


@dataclass(frozen=True, slots=True)
class Draft:
    """A leg or a condition as written. name: "" where it has none."""

    place: Place
    name: str
    condition: Condition
    asked: Asked | None

    @property
    def people(self) -> bool:
        return on_people(self.condition)

    @property
    def places(self) -> bool:
        """Whether it asks for something else than who it is, too."""
        return on_other(self.condition)

    @property
    def strangers(self) -> bool:
        """Whether it can let somebody in whom nobody knows."""
        return not self.people and not isinstance(self.condition, Nobody)


@dataclass(frozen=True, slots=True)
class Inherited:
    """The legs of the level above stand here."""

    place: Place


@dataclass(frozen=True, slots=True)
class Conditions:
    """What conditions are made of."""

    named: Book[Draft]
    networks: Book[NetworkSet]
    app_tokens: Book[AppToken]
    clients: frozenset[str]


def conditions_over(networks: Book[NetworkSet], app_tokens: Book[AppToken], clients: Iterable[str]) -> Conditions:
    def read(page: Page, key: MarkedScalar, at: Marked) -> Draft | None:
        return _map(page, at, names, key.text, leg=True)

    names = Conditions(
        Book("condition", read, "conditions", beside="anyone, authenticated, nobody, inherited"),
        networks,
        app_tokens,
        frozenset(clients),
    )
    return names


def read_legs(page: Page, at: Marked, names: Conditions) -> tuple[Draft | Inherited, ...]:
    found = tuple(leg for item in items(page, at, _LEG) if (leg := _leg(page, item, names)) is not None)
    for leg in found:
        if isinstance(leg, Draft) and on_tokens(leg.condition) and not needs_token(leg.condition):
            page.problems.add(leg.place, _MAYBE_A_TOKEN)
        if isinstance(leg, Draft) and holds_without_token(leg.condition):
            page.problems.add(leg.place, _LEFT_OUT)
    return found


def read_denials(page: Page, at: Marked, names: Conditions) -> tuple[Draft, ...]:
    found = []
    for item in items(page, at, _CONDITION):
        if isinstance(item, MarkedScalar) and item.text in (*_WORDS, _INHERITED):
            page.say(item, f"`{item.text}` is no condition of deny; expected {_CONDITION}; or set allow")
        elif (draft := _condition(page, item, names)) is not None:
            found.append(draft)
    return tuple(found)


def read_asked(page: Page, at: Marked) -> Asked | None:
    if isinstance(at, MarkedScalar) and at.text == "none":
        return Asked(page.place(at), dropped=True)
    given = keyed(page, at, REQUIRE)
    if given is None:
        return None
    if not given:
        page.say(at, f"an empty require; expected {', '.join(REQUIRE.names)}, or none")
    mfa = boolean(page, given["mfa"], "mfa") if "mfa" in given else None
    within = given.get("authenticated_within")
    within_s = None if within is None else duration(page, within, "authenticated_within")
    if within is not None and within_s == 0:
        page.say(within, "authenticated_within is 0, which nobody can meet; expected a duration such as 10m")
    dpop = boolean(page, given["dpop"], "dpop") if "dpop" in given else None
    amr = read_methods(page, given["amr"]) if "amr" in given else None
    below = whole(page, given["risk_below"], "risk_below", 1, 100) if "risk_below" in given else None
    return Asked(page.place(at), mfa, within_s, dpop, amr, below)


def read_methods(page: Page, at: Marked) -> int:
    """The bits of all that are named."""
    named = (word(page, one, "a method", METHODS) for one in items(page, at, "a method"))
    return bits_of(name for name in named if name is not None)


def _leg(page: Page, at: Marked, names: Conditions) -> Draft | Inherited | None:
    if isinstance(at, MarkedMap):
        return _map(page, at, names, "", leg=True)
    name = text(page, at, _LEG)
    if name is None or not isinstance(at, MarkedScalar):
        return None
    if name == _INHERITED:
        return Inherited(page.place(at))
    if name in _WORDS:
        return Draft(page.place(at), name, _WORDS[name], None)
    if name in LEGS and name not in names.named.names():
        page.say(at, f"`{name}` is no condition; write {LEGS[name]}")
        return None
    known = names.named.get(page, at)
    return None if known is None else Draft(page.place(at), name, known.condition, known.asked)


def _condition(page: Page, at: Marked, names: Conditions) -> Draft | None:
    """Where nobody is let in: in `deny`, and inside of other conditions."""
    if isinstance(at, MarkedMap):
        return _map(page, at, names, "", leg=False)
    found = _leg(page, at, names)
    if isinstance(found, Inherited):
        page.say(at, f"`inherited` stands for legs; expected {_CONDITION}")
        return None
    if found is not None and found.asked is not None:
        page.say(at, f"`{found.name}` has a require, which means something in allow alone; expected {_CONDITION}")
    return found


def _map(page: Page, at: Marked, names: Conditions, name: str, *, leg: bool) -> Draft | None:
    given = keyed(page, at, LEG if leg else CONDITION)
    if given is None:
        return None
    parts = [part for key, value in given.items() if (part := _part(page, key, value, names)) is not None]
    asked = read_asked(page, given["require"]) if "require" in given else None
    if not given.keys() - {"require"}:
        page.say(at, f"no condition; expected at least one of {', '.join(CONDITION.names)}")
        return None
    if not parts:
        return None
    condition = parts[0] if len(parts) == 1 else All(tuple(parts))
    if asked is not None and asked.dropped:
        page.problems.add(
            asked.place, "require of a leg comes on top of the route's, so it drops nothing; expected keys"
        )
    elif asked is not None and not on_people(condition):
        page.problems.add(asked.place, _NOBODY_TO_ASK)
    return Draft(page.place(at), name, condition, asked)


def _part(page: Page, key: str, at: Marked, names: Conditions) -> Condition | None:
    """What one key of a condition asks."""
    match key:
        case "users":
            return Users(*_names(page, at, "a user's name"))
        case "groups":
            return Groups(*_names(page, at, "a group's name"))
        case "clients":
            return _clients(page, at, names)
        case "scopes":
            return Scopes(frozenset(texts(page, at, "a scope")))
        case "networks":
            return _networks(page, at, names)
        case "app_token":
            token = names.app_tokens.get(page, at) if text(page, at, _TOKEN) and isinstance(at, MarkedScalar) else None
            return None if token is None else BringsToken(token)
        case "until":
            last = day(page, at, "until")
            return None if last is None else Until(last.isoformat(), midnight(last) + DAY_S)
        case "not":
            inner = _condition(page, at, names)
            return None if inner is None else Not(_unmixed(page, at, "not", inner.condition))
        case "all" | "any":
            return _several(page, key, at, names)
        case _:
            return None


def _several(page: Page, key: str, at: Marked, names: Conditions) -> Condition | None:
    inner = [_condition(page, item, names) for item in items(page, at, _CONDITION)]
    parts = tuple(draft.condition for draft in inner if draft is not None)
    if not parts:
        return None
    return All(parts) if key == "all" else _unmixed(page, at, "any", Any(parts))


def _unmixed(page: Page, at: Marked, key: str, condition: Condition) -> Condition:
    """Else a place could stand in for a person, and a stranger would come in as somebody."""
    if on_people(condition) and on_other(condition):
        page.say(at, f"`{key}` over people and something else; expected one of both; write two legs")
    return condition


def _names(page: Page, at: Marked, what: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """Names as written, and captures that stand for one."""
    written, captures = set[str](), list[str]()
    for name in texts(page, at, what):
        capture = _CAPTURE.fullmatch(name)
        if capture:
            captures.append(capture[1])
        elif "{" in name or "}" in name:
            page.say(at, f"`{name}` has braces inside; expected {what}, or a whole capture such as {{name}}")
        else:
            written.add(name)
    return frozenset(written), tuple(captures)


def _clients(page: Page, at: Marked, names: Conditions) -> Clients:
    found = texts(page, at, "a client's name")
    for item in items(page, at, "a client's name"):
        if isinstance(item, MarkedScalar) and item.text in found and item.text not in names.clients:
            page.say(item, unknown_client(item.text, names.clients))
    return Clients(frozenset(found))


def unknown_client(given: str, known: Iterable[str]) -> str:
    expected = ", ".join(sorted(known)) or "one that is declared"
    hint = did_you_mean(given, known) or f"; or declare it, in `clients: {{{given}: ...}}`"
    return f"no client `{given}`; expected {expected}{hint}"


def _networks(page: Page, at: Marked, names: Conditions) -> Networks:
    shown = tuple(item.text for item in items(page, at, "networks") if isinstance(item, MarkedScalar))
    return Networks(shown, read_networks(page, at, names.networks))
