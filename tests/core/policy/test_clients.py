"""Clients: every rule from a client that is fine, one thing changed; who gets tokens; where people are sent back to."""

from dataclasses import replace

import pytest

from gateway.core.assurance.need import Need
from gateway.core.policy.compile import PolicyRejected, compile_policy
from gateway.core.policy.facts import Allow, Deny, Facts, Login, StepUp
from tests.core.policy.build import NOW, SITE, mistakes, who
from tests.core.policy.clients import APP, BANK, BATCH, BY_URL, DIGEST, KEY, KEYS, SPA, WEB, client_of, said, text


def test_the_clients_of_the_issue() -> None:
    policy = compile_policy(
        {
            "clients.yaml": f"""
define:
  scopes: {{orders.read: Read your orders}}
clients:
  wiki:
    {{name: Team wiki, profile: oidc, type: web, redirect_uris: [https://wiki.example.org/oauth/cb],
    secret: {{file: /run/secrets/wiki}}, scopes: [openid, profile, email, groups], allow: {{groups: staff}}}}
  bank:
    {{name: Payments, profile: fapi2, type: web, redirect_uris: [https://pay.example.org/cb],
    {KEYS}, scopes: [openid, orders.read, offline_access],
    resources: https://api.example.org, require: {{mfa: true}}}}
"""
        },
        SITE,
        secrets=lambda _source: b"digest",
    )
    wiki, bank = policy.clients["wiki"], policy.clients["bank"]

    assert (wiki.authentication, wiki.secret_hash, wiki.id_token_alg) == ("secret", b"digest", "RS256")
    assert [wiki.par_required, wiki.dpop_required, wiki.pkce_optional] == [False, False, False]
    assert bank.authentication == "private_key_jwt"
    assert (bank.par_required, bank.dpop_required, bank.id_token_alg) == (True, True, "")
    assert bank.resources == ("https://api.example.org",)
    assert bank.jwks[0].kid == "one"
    assert isinstance(bank.judge(Facts(who(), None, NOW)), StepUp)
    assert (wiki.place.file, wiki.place.line) == ("clients.yaml", 5)
    assert policy.scopes["orders.read"] == "Read your orders"
    assert policy.scopes["email"] == "Read your e-mail address"


def test_what_nothing_is_said_of() -> None:
    web, spa, batch = client_of(WEB), client_of(SPA), client_of(BATCH)

    assert (web.access_ttl_s, web.refresh_idle_s, web.refresh_absolute_s) == (900, 30 * 86400, 365 * 86400)
    assert (web.profile, web.consent, web.resources, web.origins) == ("oauth21", "ask", (), ())
    assert web.grants == spa.grants == {"authorization_code", "refresh_token"}
    assert batch.grants == {"client_credentials"}
    assert spa.authentication == "none"
    assert spa.origins == ("https://n.example",)
    assert client_of(SPA, "origins: https://o.example").origins == ("https://o.example",)


def test_keys_may_be_at_a_url() -> None:
    bank = client_of(BANK.replace(KEYS, "jwks_uri: https://b.example/jwks"))

    assert (bank.jwks_uri, bank.jwks) == ("https://b.example/jwks", ())
    assert bank.authentication == "private_key_jwt"
    assert client_of(BANK).jwks_uri == ""


def test_access_tokens_live_as_the_configuration_says_unless_the_client_says_otherwise() -> None:
    sources = {"c.yaml": f"clients: {{c: {SPA}}}, d: {SPA}, ttl: {{access: 10m}}}}}}"}

    clients = compile_policy(sources, replace(SITE, access_ttl_s=120)).clients

    assert (clients["c"].access_ttl_s, clients["d"].access_ttl_s) == (120, 600)


@pytest.mark.parametrize(
    ("client", "more", "message"),
    [
        (WEB, "redirect_uri: https://w.example/cb", "did you mean `redirect_uris`?"),
        (WEB, "profile: oidc2", "did you mean `oidc`?"),
        (WEB, "jwks_uri: https://w.example/jwks", "secret beside jwks; expected one way to authenticate"),
        (BANK, "jwks_uri: https://w.example/jwks", "jwks_uri beside jwks; expected one place of its keys"),
        (BY_URL, "jwks_uri: http://w.example/jwks", "is not over https"),
        (BY_URL, "jwks_uri: https://w.example/jwks#x", "has a fragment"),
        (BY_URL, "jwks_uri: https://u:p@w.example/jwks", "with a user name or password"),
        (BY_URL, "jwks_uri: https://w.example", "has no path"),
        (BY_URL, "jwks_uri: []", "expected a URI"),
        (SPA, "jwks_uri: https://w.example/jwks", "what everybody can read in type spa keeps nobody out"),
        (WEB, "backchannel_logout_uri: http://w.example/out", "is not over https"),
        (WEB, "backchannel_logout_uri: https://w.example/out#x", "has a fragment"),
        (WEB, "backchannel_logout_uri: https://u:p@w.example/out", "with a user name or password"),
        (APP, "redirect_uris: org.example.app:/cb, backchannel_logout_uri: org.example.app:/out", "is not over https"),
        (BATCH, "backchannel_logout_uri: https://w.example/out", "backchannel_logout_uri of a service"),
        (WEB, "post_logout_redirect_uris: https://w.example/*", "has a wildcard"),
        (WEB, "post_logout_redirect_uris: https://w.example/out#x", "has a fragment"),
        (WEB, "post_logout_redirect_uris: http://w.example/out", "is not over https"),
        (WEB, f"post_logout_redirect_uris: {[f'https://w.example/{one}' for one in range(21)]}", "21 post_logout"),
        (WEB, f"jwks: {{keys: [{KEY}]}}", "secret beside jwks"),
        (WEB, "profile: fapi2", "fapi2 authenticates by private_key_jwt; expected jwks or jwks_uri, and no secret"),
        (WEB, "pkce: optional", "pkce: optional needs profile: oidc"),
        (WEB, "pkce: required", "pkce is `required`; expected optional"),
        (WEB, "par: optional", "par is `optional`; expected required"),
        (WEB, "consent: none", "consent is `none`; expected ask, implied"),
        (WEB, "id_token_alg: HS256", "id_token_alg is `HS256`; expected ES256, EdDSA, PS256, RS256"),
        (WEB, "resources: http://api.example", "is not over https"),
        (WEB, "resources: https://api.example/", "did you mean https://api.example?"),
        (WEB, "origins: https://w.example/x", "is no origin"),
        (WEB, "ttl: {access: 61m}", "access is `61m`; expected from 1m to 60m"),
        (WEB, "ttl: {access: 59s}", "access is `59s`; expected from 1m to 60m"),
        (WEB, "ttl: {refresh_absolute: 366d}", "expected from 60m to 365d"),
        (WEB, "ttl: {refresh_idle: 30d, refresh_absolute: 29d}", "refresh_idle is longer than refresh_absolute"),
        (WEB, "allow: anyone", "this leg asks for nobody; expected authenticated, users or groups"),
        (WEB, "allow: {networks: 10.0.0.0/8}", "this leg asks for nobody"),
        (WEB, "allow: inherited", "`inherited` has nothing above a client"),
        (WEB, "allow: {scopes: read}", "people get tokens by logging in"),
        (WEB, "allow: {clients: c}", "people get tokens by logging in"),
        (WEB, "allow: {users: '{who}'}", "expected names without braces"),
        (WEB, "allow: {groups: x, require: {dpop: true}}", "dpop in a leg of a client"),
        (WEB, "owner: [ada]", "expected text for owner"),
        (WEB, "note: {x: y}", "expected text for note"),
        (WEB, "require: none", "where nothing is inherited"),
        (WEB, "require: {mfa: yes}", "write true"),
        (SPA, "consent: ask, profile: fapi2", "profile fapi2 is for clients with a key of their own"),
        (SPA, "profile: oidc, pkce: optional", "pkce: optional needs profile: oidc and a secret or a key"),
        (SPA, f"secret: {{sha256: {DIGEST}}}", "what everybody can read in type spa keeps nobody out"),
        (APP, f"redirect_uris: org.x:/cb, jwks: {{keys: [{KEY}]}}", "what everybody can read in type native"),
        (APP, "", "client c has no redirect_uris"),
        (APP, "redirect_uris: 'http://127.0.0.1/cb', consent: implied", "any app on the device can take http://127"),
        (APP, "redirect_uris: org.example.app:/cb, consent: implied", "any app on the device can take org.example"),
        (BANK, "id_token_alg: RS256", "`RS256`, which fapi2 forbids; expected ES256, EdDSA or PS256"),
        (BATCH, "redirect_uris: https://w.example/cb", "redirect_uris of a service, which nobody logs in to"),
        (BATCH, "post_logout_redirect_uris: https://w.example/out", "post_logout_redirect_uris of a service"),
        (BATCH, "allow: {groups: staff}", "allow of a service, which nobody logs in to"),
        (BATCH, "consent: implied", "consent of a service"),
        (BATCH, "require: {mfa: true}", "a service has no second factor and no login; expected dpop alone in require"),
        (BATCH, "require: {dpop: true, authenticated_within: 1h}", "a service has no second factor and no login"),
    ],
)  # fmt: skip
def test_a_mistake_says_what_was_expected(client: str, more: str, message: str) -> None:
    assert message in said(client, more)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("name: Wiki, ", "", "a client needs `name`"),
        ("type: web, ", "", "a client needs `type`"),
        ("type: web", "type: device", "type `device` is part of the language but not built yet; expected web, spa"),
        ("type: web", "type: webb", "type is `webb`; expected web, spa, native, service; did you mean `web`?"),
        ("name: Wiki", f"name: {'x' * 81}", "a name of 81 characters"),
        ("scopes: openid", "note: x", "client c has no scopes"),
        ("scopes: openid", "scopes: orders.raed", "did you mean `orders.read`?"),
        ("scopes: openid", "scopes: pay", "or define it, in `define: {scopes: {pay: ...}}`"),
        ("scopes: openid", "scopes: [read, read]", "scope read again"),
        ("scopes: openid", "profile: oidc, scopes: read", "profile oidc without the scope openid"),
        (f", secret: {{sha256: {DIGEST}}}", "", "type web proves who it is; expected secret, jwks or jwks_uri"),
    ],
)
def test_a_mistake_in_what_is_there(before: str, after: str, message: str) -> None:
    assert before in WEB
    assert message in said(WEB.replace(before, after))


@pytest.mark.parametrize("scope", ["openid", "profile", "email", "groups", "offline_access"])
def test_a_service_asks_for_nothing_about_a_person(scope: str) -> None:
    assert f"scope {scope} of a service" in said(BATCH.replace("scopes: read", f"scopes: [read, {scope}]"))


def test_a_client_again_and_names_that_are_none() -> None:
    sources = {"a.yaml": text(WEB), "b.yaml": f"clients: {{c: {SPA}}}}}"}
    with pytest.raises(PolicyRejected) as rejected:
        compile_policy(sources, SITE)

    assert str(rejected.value) == "b.yaml:1:11: client `c` again, first at a.yaml:3:3; expected once"
    assert "`C` is no name" in "\n".join(mistakes(f"clients: {{C: {SPA}}}}}"))
    assert "begins like the subject of a person" in "\n".join(mistakes(f"clients: {{u_1: {SPA}}}}}"))
    assert "expected a map of clients by name" in "\n".join(mistakes("clients: [c]"))


@pytest.mark.parametrize(
    ("scopes", "message"),
    [
        ("{'a b': x}", "`a b` is no name; expected letters, digits and . _ : / -"),
        ("{openid: x}", "`openid` has a meaning already"),
        ("{x: }", "nothing; expected a sentence for the person who consents"),
        (f"{{x: {'y' * 201}}}", "a sentence of 201 characters"),
    ],
)
def test_scopes_that_are_none(scopes: str, message: str) -> None:
    assert message in "\n".join(mistakes(f"define: {{scopes: {scopes}}}"))


ALLOW = (
    "allow: [{groups: staff, require: {mfa: true}}, {users: ada, networks: 10.0.0.0/8}], "
    "require: {authenticated_within: 10m}"
)


def test_who_gets_tokens_and_who_does_not() -> None:
    client = client_of(WEB, ALLOW)
    root = who("staff", user="root", since_s=600, mfa_s=600)

    assert client.judge(Facts(root, None, NOW)) == Allow(identity=True, leg="leg 1")
    assert isinstance(client.judge(Facts(who("guests", user="root", mfa_s=0), None, NOW)), Deny)
    assert client.judge(Facts(who("staff", user="root"), None, NOW)) == StepUp(Need(mfa=True, within_s=600))
    assert isinstance(client.judge(Facts(who("staff", user="root", since_s=601, mfa_s=0), None, NOW)), StepUp)
    assert isinstance(client.judge(Facts(who(), None, NOW)), Deny)
    assert isinstance(client.judge(Facts(None, None, NOW)), Login)


def test_everybody_gets_tokens_where_nothing_is_said_and_nobody_by_that_word() -> None:
    assert isinstance(client_of(WEB).judge(Facts(who(), None, NOW)), Allow)
    assert isinstance(client_of(WEB, "allow: nobody").judge(Facts(who("staff"), None, NOW)), Deny)


def test_tokens_go_on_for_who_the_person_is_now_wherever_they_are() -> None:
    client = client_of(WEB, ALLOW)

    assert client.goes_on_for(who("staff", user="root", since_s=9999), NOW)
    assert client.goes_on_for(who(user="ada"), NOW)
    assert not client.goes_on_for(who("guests", user="root"), NOW)
    assert not client_of(WEB, "allow: nobody").goes_on_for(who("staff"), NOW)
    assert not client_of(WEB, "allow: {groups: staff, until: 2020-01-01}").goes_on_for(who("staff"), NOW)


def test_tokens_of_a_service_are_its_own() -> None:
    service, web = client_of(BATCH), client_of(WEB)

    assert service.goes_on_for(who(user="client:c"), NOW)
    assert not service.goes_on_for(who(user="client:d"), NOW)
    assert isinstance(service.judge(Facts(who(), None, NOW)), Deny)
    assert client_of(BATCH, "require: {dpop: true}").dpop_required
    assert not service.goes_on_for(who(user="ada"), NOW)
    assert not web.goes_on_for(who(user="client:c"), NOW)


def test_a_client_asks_more_than_its_profile_and_never_less() -> None:
    strict = client_of(WEB, "profile: oidc, pkce: optional, par: required, require: {dpop: true}, id_token_alg: EdDSA")

    assert [strict.pkce_optional, strict.par_required, strict.dpop_required] == [True, True, True]
    assert strict.id_token_alg == "EdDSA"
    assert isinstance(strict.judge(Facts(who(), None, NOW)), Allow)  # a person has no key yet
    assert client_of(BANK, "require: {dpop: false}").dpop_required
