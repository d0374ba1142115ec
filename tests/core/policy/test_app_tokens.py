"""`app_tokens` and `{app_token: NAME}`: what they mean, and what is refused with its place."""

import pytest

from gateway.core.policy.app_tokens import AppToken, TokenHeader
from gateway.core.policy.conditions import BringsToken
from tests.core.policy.build import HOST, mistakes, policy_of, routed

KEY = "define: {app_tokens: {key: [{header: X-Api-Key}, {query: apikey}]}}\n"


def mistakes_of_app(token: str, settings: str) -> list[str]:
    """The app's settings begin in line 5."""
    return mistakes(f"define:\n  app_tokens:\n    t: {token}\napps:\n  a: {{hosts: {HOST}, {settings}}}\n")


@pytest.mark.parametrize(
    ("written", "token"),
    [
        ("{header: X-Api-Key}", AppToken("t", (TokenHeader(b"x-api-key"),))),
        ("{query: apikey}", AppToken("t", (), frozenset({"apikey"}))),
        ('{header: Authorization, starts: "Basic "}', AppToken("t", (TokenHeader(b"authorization", b"basic "),))),
        (
            "[{header: X-A}, {query: api_key}, {query: ApiKey}, {header: X-B, starts: b}]",
            AppToken("t", (TokenHeader(b"x-a"), TokenHeader(b"x-b", b"b")), frozenset({"api_key", "ApiKey"})),
        ),
    ],
)
def test_a_token_is_where_policy_says(written: str, token: AppToken) -> None:
    policy = policy_of(
        f"define: {{app_tokens: {{t: {written}}}}}\napps: {{a: {{hosts: {HOST}, allow: {{app_token: t}}}}}}"
    )

    route = routed(policy, "/").route
    assert route.app_tokens == (token,)
    assert [leg.condition for leg in route.legs] == [BringsToken(token)]
    assert [leg.people for leg in route.legs] == [False]
    assert not route.asks_people


@pytest.mark.parametrize(
    ("token", "says"),
    [
        ("{}", "expected a place: {header: NAME}"),
        ("{starts: x}", "expected a place: {header: NAME}"),
        ("{header: X-A, query: a}", "expected a place: {header: NAME}"),
        ("{query: a, starts: b}", "starts belongs to a header"),
        ("[]", "an empty list; expected a place"),
        ("X-Api-Key", "expected a place of an app's credential as a map of keys: header, starts, query"),
        ("{header: X_A}", "`X_A` is no name of a header"),
        ("{header: ''}", "nothing; expected the name of a header"),
        ("{header: X-A, starts: ''}", "nothing; expected how the value begins"),
        ("{header: X-A, starts: é}", "starts has characters that no header's value begins with"),
        ("{query: 'a b'}", "`a b` is no name of a parameter"),
        ("{query: a=b}", "`a=b` is no name of a parameter"),
        ("{cookie: a}", "`cookie` is no key of a place of an app's credential"),
        ("{heder: X-A}", "did you mean `header`?"),
        *(
            (f"{{header: {name}}}", f"{name} has a meaning of its own; expected Authorization, or a header that holds")
            for name in (
                "Cookie",
                "User-Agent",
                "Referer",
                "Origin",
                "Host",
                "DPoP",
                "X-Forwarded-For",
                "Sec-Fetch-Site",
            )
        ),
    ],
)
def test_other_places_are_refused(token: str, says: str) -> None:
    found = mistakes(f"define:\n  app_tokens:\n    t: {token}\n")

    assert any(says in one and one.startswith("3:") for one in found), found


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("allow: {app_token: kee}", "no app token `kee`; expected key; did you mean `key`?"),
        ("allow: {app_token: other}", "or define it, in `define: {app_tokens: {other: ...}}`"),
        ("allow: {app_token: [key]}", "a list; expected the name of an app token"),
        ("allow: {app_token: key, require: {mfa: true}}", "require asks nobody"),
        (
            "allow: {app_token: key}, require: {mfa: true}, routes: {r: {paths: /r, require: {mfa: true}}}",
            "require asks nobody",
        ),
        ("allow: {app_token: key}, deny: {users: eve}", "they only have to log out"),
        ("allow: {app_token: key}, identity: optional", "identity: optional without anyone"),
        ("allow: {any: [{groups: staff}, {app_token: key}]}", "`any` over people and something else"),
        ("allow: {not: {app_token: key}}", "the leg holds where an app_token is left out"),
        ("allow: {groups: staff, not: {app_token: key}}", "the leg holds where an app_token is left out"),
        (
            "allow: {all: [{not: {all: [{app_token: key}, {networks: 10.0.0.0/8}]}}]}",
            "the leg holds where an app_token",
        ),
        ("allow: authenticated, deny: {not: {app_token: kee}}", "no app token `kee`"),
    ],
)
def test_legs_with_it_are_refused_where_they_open_more_than_they_say(settings: str, says: str) -> None:
    found = mistakes(f"{KEY}apps: {{a: {{hosts: {HOST}, {settings}}}}}")

    assert any(says in one and one.startswith("2:") for one in found), found


@pytest.mark.parametrize(
    ("token", "credentials", "clash"),
    [
        ('{header: Authorization, starts: "Bearer "}', "[session, bearer]", "Authorization: Bearer"),
        ('{header: Authorization, starts: "Bearer glsa_"}', "[session, bearer]", "Authorization: Bearer"),
        ('{header: Authorization, starts: "bear"}', "[session, bearer]", "Authorization: Bearer"),
        ("{header: Authorization}", "[session, bearer]", "Authorization: Bearer"),
        ('{header: Authorization, starts: "Bearer "}', "[session, api_key]", "Authorization: Bearer"),
        ('{header: Authorization, starts: "DPoP "}', "[session, dpop]", "Authorization: DPoP"),
        ('{header: Authorization, starts: "Basic "}', "[session, {api_key: basic}]", "Authorization: Basic"),
        ("{header: Authorization}", "[session, {api_key: basic}]", "Authorization: Basic"),
        ("[{query: k}, {header: X-Api-Key}]", "[session, api_key]", "x-api-key"),
        ("{header: X-Gitlab-Token}", "[session, {api_key: {header: X-Gitlab-Token}}]", "x-gitlab-token"),
    ],
)
def test_it_is_not_read_where_bastion_reads_a_credential_of_its_own(token: str, credentials: str, clash: str) -> None:
    scopes = "allow: [{groups: staff}, {scopes: read}, {app_token: t}]"

    found = mistakes_of_app(token, f"credentials: {credentials}, {scopes}")

    assert any(f"app token `t` is read from {clash}, where a/rest looks for" in one for one in found), found
    assert not any("app token" in one for one in mistakes_of_app(token, "allow: [{app_token: t}, {grops: x}]"))


@pytest.mark.parametrize(
    ("token", "credentials"),
    [
        ('{header: Authorization, starts: "Basic "}', "[session, bearer, dpop, api_key]"),
        ('{header: Authorization, starts: "Bearers "}', "[session, bearer]"),
        ('{header: Authorization, starts: "Token "}', "[session, bearer, {api_key: basic}]"),
        ("{header: X-Api-Key}", "[session, bearer, {api_key: basic}]"),
        ("{query: key}", "[session, api_key]"),
    ],
)
def test_elsewhere_it_is_fine_beside_credentials_of_bastions(token: str, credentials: str) -> None:
    policy_of(
        f"define: {{app_tokens: {{t: {token}}}}}\napps: {{a: {{hosts: {HOST}, credentials: {credentials}, "
        "allow: [{groups: staff}, {scopes: read}, {app_token: t}]}}"
    )


CLIENT = "name: C, type: spa, redirect_uris: https://c.example/cb, scopes: openid"


@pytest.mark.parametrize("leg", ["{app_token: key}", "{groups: staff, app_token: key}"])
def test_it_gives_nobody_keys_and_tokens(leg: str) -> None:
    tokens = "app_tokens: {key: {header: X-A}}"

    assert mistakes(f"define: {{{tokens}, key_scopes: {{read: {leg}}}}}")
    assert mistakes(f"define: {{{tokens}}}\nclients: {{c: {{{CLIENT}, allow: {leg}}}}}")


def test_named_conditions_and_denials_may_have_it_and_mistakes_of_unused_ones_are_said() -> None:
    named = "define: {app_tokens: {key: {header: X-A}}, conditions: {phones: {app_token: key, networks: 10.0.0.0/8}}}\n"
    policy = policy_of(f"{named}apps: {{a: {{hosts: {HOST}, allow: phones, deny: {{not: {{app_token: key}}}}}}}}")

    assert [token.name for token in routed(policy, "/").route.app_tokens] == ["key"]
    assert mistakes("define: {app_tokens: {t: {header: Cookie}}}")
    assert mistakes("define:\n  app_tokens: {t: {query: a}}\n  conditions: {t: {app_token: u}}")
