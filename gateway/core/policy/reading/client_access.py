"""Reads who may get tokens for a client, and what they have to prove."""

from collections.abc import Iterator, Mapping
from typing import Final

from gateway.core.policy.client import ClientAccess
from gateway.core.policy.conditions import (
    Authenticated,
    Condition,
    Nobody,
    brought_tokens,
    captured,
    on_tokens,
    without_places,
)
from gateway.core.policy.places import Page, Place
from gateway.core.policy.reading.legs import Conditions, Draft, Inherited, read_asked, read_legs
from gateway.core.policy.route import Leg, Require
from gateway.core.yaml_marks import Marked

_EVERYBODY: Final = Authenticated()


def read_access(
    page: Page, place: Place, given: Mapping[str, Marked], names: Conditions, *, for_people: bool
) -> tuple[ClientAccess, Require]:
    """place: of the client. for_people False: no person ever gets tokens for it.

    Second what all have to prove, whichever leg takes them.
    """
    asked = read_asked(page, given["require"]) if "require" in given else None
    if asked is not None and asked.dropped:
        page.problems.add(asked.place, "require: none in a client, where nothing is inherited; take it out")
    require = Require() if asked is None else asked.require
    if not for_people:
        if asked is not None and require != Require(dpop=require.dpop):
            page.problems.add(
                asked.place, "a service has no second factor and no login; expected dpop alone in require"
            )
        return ClientAccess((), ()), require
    drafts = tuple(_drafts(page, given["allow"], names)) if "allow" in given else (Draft(place, "", _EVERYBODY, None),)
    legs = tuple(_leg(number, draft, require) for number, draft in enumerate(drafts, 1))
    return ClientAccess(legs, tuple(_goes_on(leg.condition) for leg in legs)), require


def _drafts(page: Page, at: Marked, names: Conditions) -> Iterator[Draft]:
    for draft in read_legs(page, at, names):
        wrong = "" if isinstance(draft, Draft) and isinstance(draft.condition, Nobody) else _wrong(draft)
        if wrong:
            page.problems.add(draft.place, wrong)
        elif isinstance(draft, Draft):
            yield draft


def _wrong(draft: Draft | Inherited) -> str:
    if isinstance(draft, Inherited):
        return "`inherited` has nothing above a client; expected who may get its tokens"
    if not draft.people:
        return "tokens are somebody's, and this leg asks for nobody; expected authenticated, users or groups in it"
    if on_tokens(draft.condition):
        return "people get tokens by logging in, not by tokens; expected users or groups, no scopes and clients"
    if brought_tokens(draft.condition):
        return "an app checks its own tokens, and no app is asked here; expected users or groups, no app_token"
    if captured(draft.condition):
        return "a client has no host or path to capture from; expected names without braces"
    if draft.asked is not None and draft.asked.dpop is not None:
        return "dpop in a leg of a client; expected it in the client's own require: its tokens are bound or not"
    return ""


def _leg(number: int, draft: Draft, require: Require) -> Leg:
    """Nobody has a key yet who is about to get a token, so dpop is the token endpoint's business."""
    own = Require() if draft.asked is None else draft.asked.require
    both = require.and_also(own)
    asked = Require(both.mfa, both.authenticated_within_s, amr=both.amr, risk_below=both.risk_below)
    return Leg.of(draft.name or f"leg {number}", draft.condition, asked, draft.place, people=draft.people)


def _goes_on(condition: Condition) -> Condition:
    return without_places(condition) or Nobody()
