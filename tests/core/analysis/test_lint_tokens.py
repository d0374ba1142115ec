"""What a policy says of clients and tokens, but hardly means, is warned of."""

from typing import Final

import pytest

from gateway.core.analysis.lint import lint
from gateway.core.analysis.unmet import Directory, without_person
from gateway.core.policy.model import Policy
from tests.core.policy.build import HOST, NOW, policy_of

NOTES: Final = "name: Notes, type: spa, redirect_uris: https://n.example/cb, scopes: [read, write]"
WIKI: Final = (
    "name: Wiki, profile: oidc, type: web, redirect_uris: https://w.example/cb, secret: {env: W}, scopes: openid"
)
ORIGIN: Final = f"https://{HOST}"
OPEN: Final = "credentials: [session, bearer], allow: [{groups: staff}, {scopes: read}]"


def policy(client: str, app: str = "allow: {groups: staff}") -> Policy:
    return policy_of(
        "define: {scopes: {read: Read your notes, write: Change your notes}}\n"
        f"clients:\n  c: {{{client}}}\napps:\n  a: {{hosts: {HOST}, {app}}}\n"
    )


def warned(client: str, app: str = "allow: {groups: staff}") -> list[tuple[int, str, str]]:
    return [(one.place.line, one.code, one.message) for one in lint(policy(client, app), NOW)]


def test_a_policy_with_tokens_is_fine() -> None:
    assert warned(f"{NOTES}, resources: {ORIGIN}", OPEN) == []


@pytest.mark.parametrize(
    ("client", "app", "code", "line", "said"),
    [
        (NOTES, OPEN, "no-resource", 5, f"no client has {ORIGIN} among its resources: nobody has a token for it"),
        (f"{NOTES}, resources: https://b.t.example", OPEN, "no-resource", 5, "add it to the client's resources"),
        (
            f"{NOTES}, resources: {ORIGIN}",
            "credentials: [session, bearer, dpop], allow: {groups: staff}",
            "no-token",
            5,
            "a/rest accepts bearer and dpop, and no leg is for tokens",
        ),
        (
            f"{NOTES}, resources: {ORIGIN}",
            "credentials: bearer, allow: {scopes: raed}",
            "no-scope",
            5,
            "no client may ask for the scope raed, so this leg lets nobody in; did you mean `read`?",
        ),
        (f"{WIKI}, pkce: optional", "allow: {groups: staff}", "pkce", 3, "client c may leave PKCE out"),
        (f"{NOTES}, review_by: 2026-01-01", "allow: {groups: staff}", "expired", 3, "the review was due on 2026-01-01"),
        (
            f"{NOTES}, allow: {{groups: staff, until: 2026-01-01}}",
            "allow: {groups: staff}",
            "expired",
            3,
            "this leg gives nobody tokens any more",
        ),
    ],
)
def test_what_is_warned_of(client: str, app: str, code: str, line: int, said: str) -> None:
    ((at, found, message),) = warned(client, app)

    assert (at, found) == (line, code)
    assert said in message


def test_a_route_that_leaves_tokens_out_beside_one_for_them_is_fine() -> None:
    routes = "routes: {admin: {paths: /admin/**, allow: {groups: ops}}, open: {paths: /x, allow: {groups: staff}}}"

    assert warned(f"{NOTES}, resources: {ORIGIN}", f"{OPEN}, {routes}") == []


def test_a_note_says_that_pkce_is_left_out_on_purpose() -> None:
    assert warned(f"{WIKI}, pkce: optional, note: the app is of 2016") == []


def test_a_route_that_takes_unbound_tokens_inside_one_that_does_not() -> None:
    app = (
        "credentials: [bearer, dpop], allow: {scopes: read}, require: {dpop: true}, "
        "routes: {x: {paths: /x/**, require: {dpop: false}}}"
    )

    ((_line, code, message),) = warned(f"{NOTES}, resources: {ORIGIN}", app)

    assert code == "looser-inside"
    assert "takes tokens that are bound to no key" in message


def test_a_group_that_nobody_has_gets_no_tokens() -> None:
    directory = Directory(frozenset({"ada"}), frozenset({"staff"}))

    (found,) = without_person(policy(f"{NOTES}, allow: {{groups: stafff}}"), directory)

    assert (found.code, found.place.line) == ("no-person", 3)
