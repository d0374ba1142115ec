"""Reads `credentials`, how people may prove who they are, and `define: key_scopes:`, what their API keys may do."""

from dataclasses import dataclass

from gateway.core.policy.conditions import Condition, captured, on_tokens
from gateway.core.policy.grammar import KEY_HEADER, KEY_PLACE
from gateway.core.policy.header_names import has_a_meaning, is_header_name
from gateway.core.policy.key_places import BASIC, NOWHERE, PLAIN, KeyPlaces
from gateway.core.policy.places import Page
from gateway.core.policy.reading.book import Book
from gateway.core.policy.reading.legs import Conditions, Draft, Inherited, read_legs
from gateway.core.policy.reading.maps import keyed
from gateway.core.policy.reading.scopes import SCOPE, SCOPES_ARE
from gateway.core.policy.reading.words import items, text, word
from gateway.core.policy.route import API_KEY, CREDENTIALS
from gateway.core.yaml_marks import Marked, MarkedMap, MarkedScalar


@dataclass(frozen=True, slots=True)
class Accepted:
    """kinds: of Route.credentials. key_places: where API keys come in."""

    kinds: frozenset[str]
    key_places: KeyPlaces


def read_credentials(page: Page, at: Marked) -> Accepted | None:
    """None where none of them is one."""
    kinds, places = set[str](), NOWHERE
    for item in items(page, at, ", ".join(CREDENTIALS)):
        if isinstance(item, MarkedMap):
            place = _key_place(page, item)
            kinds.update((API_KEY,) if place is not None else ())
            places = places.and_also(place or NOWHERE)
        elif (known := word(page, item, "credentials", CREDENTIALS)) is not None:
            kinds.add(known)
            places = places.and_also(PLAIN if known == API_KEY else NOWHERE)
    return Accepted(frozenset(kinds), places) if kinds else None


def _key_place(page: Page, at: MarkedMap) -> KeyPlaces | None:
    given = keyed(page, at, KEY_PLACE)
    where = None if given is None else given.get(API_KEY)
    if where is None:
        return None
    if not isinstance(where, MarkedMap):
        return BASIC if word(page, where, API_KEY, ("basic",)) else None
    header = (keyed(page, where, KEY_HEADER) or {}).get("header")
    return None if header is None else _header(page, header)


def _header(page: Page, at: Marked) -> KeyPlaces | None:
    name = text(page, at, "the name of a header")
    if name is None:
        return None
    lowered = name.lower()
    if not is_header_name(name):
        page.say(at, f"`{name}` is no name of a header; expected letters, digits and -, such as X-Gitlab-Token")
        return None
    if has_a_meaning(lowered.encode()):
        page.say(
            at,
            f"{name} has a meaning of its own; expected a header that holds nothing else than a key; for Authorization "
            "write api_key (Bearer), or {api_key: basic}",
        )
        return None
    return KeyPlaces(headers=frozenset({lowered}))


def key_scope_book(names: Conditions) -> Book[tuple[Condition, ...]]:
    def read(page: Page, _key: MarkedScalar, at: Marked) -> tuple[Condition, ...]:
        drafts = read_legs(page, at, names)
        for draft in drafts:
            wrong = _wrong(draft)
            if wrong:
                page.problems.add(draft.place, wrong)
        return tuple(draft.condition for draft in drafts if isinstance(draft, Draft))

    return Book("scope of keys", read, "key_scopes", pattern=SCOPE, names_are=SCOPES_ARE)


def _wrong(draft: Draft | Inherited) -> str:
    if isinstance(draft, Inherited):
        return "`inherited` has nothing above key_scopes; expected who may give the scope to a key"
    if not draft.people or draft.places:
        return "keys are somebody's, wherever they are; expected authenticated, users or groups alone"
    if on_tokens(draft.condition) or captured(draft.condition):
        return "a person gives scopes to keys, and no path is there; expected users or groups, by their names"
    if draft.asked is not None:
        return "a key proves nothing of a login; expected no require in key_scopes"
    return ""
