"""`credentials` with API keys and `key_scopes`: what they mean, and what is refused with its place."""

import pytest

from gateway.core.assurance.model import NO_PROOF
from gateway.core.policy.facts import Actor
from gateway.core.policy.key_places import KeyPlaces
from tests.core.policy.build import HOST, NOW, mistakes, policy_of, routed


@pytest.mark.parametrize(
    ("credentials", "places"),
    [
        ("session", KeyPlaces()),
        ("[session, bearer]", KeyPlaces()),
        ("api_key", KeyPlaces(bearer=True, headers=frozenset({"x-api-key"}))),
        ("{api_key: basic}", KeyPlaces(basic=True)),
        ("{api_key: {header: X-Gitlab-Token}}", KeyPlaces(headers=frozenset({"x-gitlab-token"}))),
        ("[{api_key: basic}, {api_key: {header: X-A}}]", KeyPlaces(basic=True, headers=frozenset({"x-a"}))),
    ],
)
def test_a_route_takes_keys_where_it_says(credentials: str, places: KeyPlaces) -> None:
    text = f"apps: {{a: {{hosts: {HOST}, credentials: {credentials}, allow: [authenticated, {{scopes: read}}]}}}}"
    if credentials == "session":
        text = text.replace(", {scopes: read}", "")

    assert routed(policy_of(text), "/").route.key_places == places


@pytest.mark.parametrize(
    ("credentials", "says"),
    [
        ("{api_key: basik}", "did you mean `basic`?"),
        ("{api_key: {query: key}}", "`query` is part of the language but not built yet"),
        ("{api_key: {header: Authorization}}", "Authorization has a meaning of its own"),
        ("{api_key: {header: Cookie}}", "Cookie has a meaning of its own"),
        ("{api_key: {header: X-Forwarded-For}}", "X-Forwarded-For has a meaning of its own"),
        ("{api_key: {header: X-Requested-With}}", "X-Requested-With has a meaning of its own"),
        ("{api_key: {header: Purpose}}", "Purpose has a meaning of its own"),
        ("{api_key: {header: Early-Data}}", "Early-Data has a meaning of its own"),
        ("{api_key: {header: a_b}}", "`a_b` is no name of a header"),
        ("{api_key: {header: ''}}", "nothing; expected the name of a header"),
        ("{bearer: basic}", "`bearer` is no key of a place for API keys"),
        ("apikey", "did you mean `api_key`?"),
    ],
)
def test_other_places_are_refused(credentials: str, says: str) -> None:
    found = mistakes(f"apps:\n  a:\n    hosts: {HOST}\n    credentials: {credentials}\n    allow: {{scopes: read}}\n")

    assert any(says in one and one.startswith("4:") for one in found), found


@pytest.mark.parametrize(
    ("givers", "says"),
    [
        ("inherited", "`inherited` has nothing above key_scopes"),
        ("anyone", "keys are somebody's, wherever they are"),
        ("{groups: staff, networks: 10.0.0.0/8}", "keys are somebody's, wherever they are"),
        ("{scopes: read}", "a person gives scopes to keys"),
        ("{users: '{who}'}", "a person gives scopes to keys"),
        ("{groups: staff, require: {mfa: true}}", "expected no require in key_scopes"),
    ],
)
def test_key_scopes_name_people_alone(givers: str, says: str) -> None:
    found = mistakes(f"define:\n  key_scopes:\n    read: {givers}\n")

    assert any(says in one and one.startswith("3:") for one in found), found


def test_a_scope_is_a_keys_while_its_person_may_give_it() -> None:
    scopes = policy_of("define: {key_scopes: {read: authenticated, write: [{groups: staff}, {users: bob}]}}").key_scopes
    staff, guest = Actor("ada", frozenset({"staff"}), NO_PROOF), Actor("ada", frozenset(), NO_PROOF)

    assert scopes.choice(staff, NOW) == ("read", "write")
    assert scopes.choice(guest, NOW) == ("read",)
    assert scopes.choice(Actor("bob", frozenset(), NO_PROOF), NOW) == ("read", "write")
    assert scopes.of({"read", "write", "other"}, guest, NOW) == {"read"}
