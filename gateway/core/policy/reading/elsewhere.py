"""Owns what a word is called here that belongs to another place of the language, or to another gateway."""

from collections.abc import Mapping
from typing import Final

from gateway.core.policy.grammar import APP, CORS, DEFAULTS, DEFINE, HEADERS, LEG, POLICY, REQUIRE, RESPOND, ROUTE
from gateway.core.policy.shapes import Shape
from gateway.core.yaml_marks import Marked, MarkedScalar

_SECOND_FACTOR: Final = "authenticated, and beside it require: {mfa: true}"
# What others call the three words that stand for legs.
LEGS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("everyone", "everybody", "all", "any", "public", "bypass", "guest"), "anyone"),
    **dict.fromkeys(("user", "users", "login", "logged_in", "one_factor", "valid-user", "required"), "authenticated"),
    **dict.fromkeys(("none", "no", "noone", "deny", "denied", "never"), "nobody"),
    "two_factor": _SECOND_FACTOR,
}
_KEYS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("domain", "domains", "server_name"), "hosts"),
    **dict.fromkeys(("resources", "location", "locations", "url", "urls"), "paths"),
    "rules": "routes",
    "access_control": "apps",
    "subject": "allow: {groups: ...} or allow: {users: ...}",
    "policy": "allow and require",
}
_BELOW: Final[tuple[tuple[Shape, str], ...]] = (
    (APP, "an app, in `apps: {NAME: {...}}`"),
    (ROUTE, "a route, in `routes: {NAME: {...}}`"),
    (LEG, "`allow`"),
    (REQUIRE, "`require`"),
    (HEADERS, "`headers`"),
    (CORS, "`cors`"),
    (RESPOND, "`respond`"),
)


def moved(key: str, value: Marked, shape: Shape) -> str:
    """The end of a message about a key that the shape doesn't have; "" where nothing is known of it."""
    if key in DEFINE.names and shape is POLICY:
        return "; it belongs below `define`"
    below = next((where for owner, where in _BELOW if key in owner.names), "")
    if below and shape in (POLICY, DEFAULTS, APP, ROUTE):
        return f"; it belongs below {below}"
    given = LEGS.get(value.text, "") if key == "policy" and isinstance(value, MarkedScalar) else ""
    if given:
        return f"; write allow: {given}"
    return f"; write {_KEYS[key]}" if key in _KEYS and shape in (POLICY, APP, ROUTE) else ""
