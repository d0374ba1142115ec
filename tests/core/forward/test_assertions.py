"""X-Bastion-Assertion: who gets one, what it says and to whom, and that it opens no door of ours (threats.md K4)."""

import json
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import jwt
import pytest

from gateway.core.assurance.model import PWD, Assurance
from gateway.core.forward.assertion import Assertions
from gateway.core.jose.compact import parse_compact
from gateway.core.jose.keys import SigningKey
from gateway.core.policy.compile import compile_policy
from gateway.core.policy.facts import Actor
from gateway.core.policy.site import Site
from gateway.core.principal.identity import Known
from gateway.core.session.person import Person
from gateway.core.token.access import TokenRefused
from gateway.core.token.signing_keys import NoSigningKey
from tests.core.forward.setting import ACCESS, ADA, KEY, NOW, PUBLISHED, headers_of
from tests.core.forward.setting import TOKEN as SESSION
from tests.core.forward.tokens import HOST, ISSUER, TOKENS, Call, issue

HEADER: Final = "X-Bastion-Assertion"
CONTEXT: Final = replace(
    TOKENS,
    policy=compile_policy(
        {
            "api.yaml": f"""
define: {{scopes: {{notes.read: Read your notes}}}}
clients:
  spa: {{name: Notes, type: spa, redirect_uris: https://notes.example.org/cb, scopes: [openid, profile, email, groups,
    notes.read], allow: {{groups: staff}}}}
apps:
  api:
    hosts: {HOST}
    credentials: [session, bearer]
    allow: [{{groups: staff}}, {{scopes: notes.read}}]
    assertion: true
    routes:
      plain: {{paths: /plain/**, assertion: false}}
      open: {{paths: /open/**, allow: anyone, credentials: session}}
      silent: {{paths: /silent/**, identity: none}}
      app: {{paths: /app/**, cors: app}}
  other: {{hosts: other.example.org, allow: {{groups: staff}}}}
"""
        },
        Site("auth.example.org"),
    ),
)
KNOWING: Final = {"x-bastion-snippet": f"2;Remote-User,{HEADER};"}
BY_SESSION: Final = Call(session=SESSION, context=CONTEXT, headers=KNOWING)
BY_TOKEN: Final = replace(BY_SESSION, authorization=f"Bearer {issue(scopes=('notes.read',))}", session=None)


def asserted(call: Call, audience: str = f"https://{HOST}") -> dict[str, Any]:
    """As an app reads it: by the published key, for its own host."""
    text = headers_of(call.answer())[HEADER]
    key = jwt.PyJWK({**KEY.verification.jwk, "alg": "ES256"})
    options: Any = {"verify_exp": False, "verify_iat": False, "require": ["exp", "iat", "sub"]}
    claims: dict[str, Any] = jwt.decode(text, key, ["ES256"], audience=audience, issuer=ISSUER, options=options)
    return claims


def test_the_app_hears_who_it_is_and_how_they_signed_in() -> None:
    assert asserted(BY_SESSION) == {
        "iss": ISSUER,
        "aud": f"https://{HOST}",
        "sub": f"u_{ADA.hex}",
        "iat": NOW,
        "exp": NOW + 60,
        "auth_time": NOW - 60,
        "acr": "1",
        "amr": ["pwd"],
        "credential": "session",
        "preferred_username": "ada",
        "name": "Ada Lovelace",
        "email": "ada@example.org",
        "groups": ["staff"],
    }


def test_of_a_token_it_says_what_its_scopes_let_the_app_hear() -> None:
    narrow = asserted(BY_TOKEN)
    wide = asserted(replace(BY_TOKEN, authorization=f"Bearer {issue(scopes=('notes.read', 'groups', 'email'))}"))

    assert (narrow["client_id"], narrow["scope"], narrow["sub"]) == ("spa", "notes.read", f"u_{ADA.hex}")
    assert not {"name", "email", "groups"} & narrow.keys()
    assert (wide["groups"], wide["email"]) == (["staff"], "ada@example.org")
    assert "name" not in wide


@pytest.mark.parametrize(
    "call",
    {
        "a route without": replace(BY_SESSION, path="/plain/x"),
        "a route that tells no identity": replace(BY_SESSION, path="/silent/x"),
        "a stranger": replace(BY_SESSION, path="/open/x", session=None),
        "another host": replace(BY_SESSION, host="other.example.org"),
    }.items(),
    ids=lambda named: named[0],
)
def test_nobody_else_is_asserted(call: tuple[str, Call]) -> None:
    answer = call[1].answer()

    assert (answer.status, headers_of(answer)[HEADER]) == (200, "")


def test_a_proxy_that_would_not_hand_it_on_is_told_none() -> None:
    answer = replace(BY_SESSION, headers={}).answer()

    assert answer.status == 200
    assert HEADER not in headers_of(answer)


def test_a_preflight_that_the_app_answers_asserts_nobody() -> None:
    asks = {"origin": "https://notes.example.org", "access-control-request-method": "GET"}
    answer = replace(BY_SESSION, path="/app/x", method="OPTIONS", headers={**KNOWING, **asks}).answer()

    assert (answer.status, headers_of(answer)[HEADER]) == (200, "")


def test_where_no_key_signs_nobody_gets_in_without_one() -> None:
    def none() -> SigningKey:
        raise NoSigningKey("none")

    context = replace(CONTEXT, assertions=Assertions(ISSUER, none))

    assert replace(BY_SESSION, context=context).answer().status == 503
    assert replace(BY_SESSION, context=context, path="/plain/x").answer().status == 200


def test_it_is_no_access_token() -> None:
    text = headers_of(BY_SESSION.answer())[HEADER]

    assert parse_compact(text).typ == "bastion-assertion+jwt"
    with pytest.raises(TokenRefused, match="typ"):
        ACCESS.read(text, PUBLISHED, f"https://{HOST}")
    assert Call(f"Bearer {text}", context=CONTEXT).answer().status == 401


@dataclass
class Signer:
    key: SigningKey = KEY

    def __call__(self) -> SigningKey:
        return self.key


def known(groups: tuple[str, ...] = ("staff",), user: UUID = ADA) -> Known:
    return Known(Person(user, "ada", "", "", groups, 1), frozenset(groups), b"")


def actor(authenticated_at: int = NOW, mfa_at: int = 0) -> Actor:
    return Actor("ada", frozenset(), Assurance(authenticated_at, mfa_at, PWD))


def test_the_same_one_serves_for_three_quarters_of_its_minute() -> None:
    assertions, ada = Assertions(ISSUER, Signer()), known()
    first = assertions.assert_to("https://a", ada, actor(), "", NOW)

    assert assertions.assert_to("https://a", ada, actor(), "", NOW + 44) == first
    assert assertions.assert_to("https://a", ada, actor(), "", NOW + 45) != first


@pytest.mark.parametrize("changed", ["person", "host", "fresher login", "second factor", "key", "clock set back"])
def test_what_is_different_is_asserted_anew(changed: str) -> None:
    signer, ada = Signer(), known()
    assertions = Assertions(ISSUER, signer)
    first = assertions.assert_to("https://a", ada, actor(), "", NOW)
    if changed == "key":
        signer.key = SigningKey.generate("ES256")

    again = assertions.assert_to(
        "https://b" if changed == "host" else "https://a",
        known(()) if changed == "person" else ada,
        actor(NOW + (changed == "fresher login"), NOW if changed == "second factor" else 0),
        "",
        NOW - (changed == "clock set back"),
    )

    assert again != first
    payload = json.loads(json.dumps(dict(parse_compact(again).payload)))
    assert payload["aud"] == ("https://b" if changed == "host" else "https://a")
    assert ("groups" in payload) == (changed != "person")
