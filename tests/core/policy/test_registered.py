"""Registered clients are read as declared ones are, and what is wrong with one is no mistake of the policy."""

import json
from dataclasses import fields
from hashlib import sha256

import pytest

from gateway.core.assurance.model import NO_PROOF
from gateway.core.policy.client import Client
from gateway.core.policy.compile import Policy, compile_policy
from gateway.core.policy.facts import Actor
from gateway.core.policy.reading.registered import RegisteredClient, needs_secret, plain_settings
from gateway.core.policy.site import Site
from tests.oauth_clients import ES256, jwks_text

DIGEST = sha256(b"s" * 43).digest()
APPS = """
define: {scopes: {notes.read: Read your notes}, conditions: {staff: {groups: staff}}}
apps: {api: {hosts: api.example.org, credentials: [session, bearer], allow: [authenticated, {scopes: notes.read}]}}
"""
WIKI = """\
name: Team wiki
type: web
profile: oidc
redirect_uris: [https://wiki.example.org/cb]
scopes: [openid, notes.read]
resources: https://api.example.org
allow: [staff]
require: {mfa: true}
ttl: {access: 5m, refresh_idle: 2d}
review_by: 2027-05-01
note: 12
"""
SPA = "{name: Notes, type: spa, redirect_uris: https://spa.example.org/cb, scopes: openid}"
BANK = f"{{name: Payments, type: service, jwks: {jwks_text(ES256)}, scopes: notes.read, par: required}}"


def policy_with(*registered: RegisteredClient, declared: str = "") -> Policy:
    return compile_policy({"a.yaml": APPS + declared}, Site("auth.example.org"), registered=registered)


def essence(client: Client) -> dict[str, object]:
    return {
        one.name: getattr(client, one.name)
        for one in fields(client)
        if one.name not in ("place", "registered", "access", "review")
    }


def test_a_client_is_the_same_declared_registered_as_yaml_and_as_json() -> None:
    inner = WIKI.replace("\n", "\n    ").rstrip().replace("note: 12", "note: '12'")
    declared = policy_with(
        declared=f"clients:\n  wiki:\n    {inner}\n    secret: {{sha256: {DIGEST.hex()}}}\n"
    ).clients["wiki"]
    yaml = WIKI.replace("note: 12", "note: '12'")
    for text in (yaml, json.dumps(plain_settings(yaml, "x"))):
        policy = policy_with(RegisteredClient("wiki", text, DIGEST))

        assert policy.left_out == {}
        read = policy.clients["wiki"]
        assert essence(read) == essence(declared)
        assert (read.registered, declared.registered) == (True, False)
        for groups in ({"staff"}, set[str]()):
            person = Actor("ada", frozenset(groups), NO_PROOF)
            assert read.goes_on_for(person, 0) is declared.goes_on_for(person, 0) is bool(groups)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (WIKI, "settings:11:7: "),  # a note is text, as everywhere in a policy
        (SPA.replace("openid", "opnid"), "opnid"),
        (SPA.replace("type", "tpye"), "did you mean `type`"),
        (SPA.replace("spa,", "web,"), "proves who it is"),
        (SPA.replace("}", ", secret: {sha256: " + "0" * 64 + "}}"), "Bastion makes itself"),
        ("[x]", "expected a client as a map of keys"),
        ("name: x: y", "settings:1:8: "),
        ("", "a client needs `name`"),
    ],
)
def test_one_that_is_wrong_is_left_out_and_the_others_stay(settings: str, said: str) -> None:
    policy = policy_with(RegisteredClient("bad", settings, None), RegisteredClient("spa", SPA, None))

    assert list(policy.clients) == ["spa"]
    assert said in policy.left_out["bad"]


@pytest.mark.parametrize("name", ["U", "u_1", "a b", ""])
def test_its_name_is_that_of_a_declared_one(name: str) -> None:
    assert name in policy_with(RegisteredClient(name, SPA, None)).left_out


def test_a_declared_client_wins() -> None:
    declared = f"clients: {{spa: {SPA.replace('Notes', 'Declared')}}}\n"

    policy = policy_with(RegisteredClient("spa", SPA, None), declared=declared)

    assert policy.clients["spa"].name == "Declared"
    assert "is declared at a.yaml:4:" in policy.left_out["spa"]


def test_the_routes_know_it_and_the_policy_is_no_other_one() -> None:
    policy = policy_with(RegisteredClient("spa", SPA, None))
    ada = Actor("ada", frozenset(), NO_PROOF, "bearer", "spa", frozenset({"notes.read"}))

    assert policy.routes[0].lets_go_on(ada, 0)
    assert not policy_with().routes[0].lets_go_on(ada, 0)
    assert policy.version == policy_with().version


def test_a_leg_names_declared_clients_only() -> None:
    """The files mean the same on each node, also without a database."""
    text = "apps: {api: {hosts: a.example.org, credentials: [session, bearer], allow: [authenticated, {clients: spa}]}}"

    with pytest.raises(Exception, match="spa"):
        compile_policy({"a.yaml": text}, Site("auth.example.org"), registered=[RegisteredClient("spa", SPA, None)])


BY_URL = "{type: web, jwks_uri: https://b.example/jwks}"


@pytest.mark.parametrize(
    ("settings", "needs"), [(WIKI, True), (SPA, False), (BANK, False), (BY_URL, False), ("[x]", False)]
)
def test_who_needs_a_secret(settings: str, needs: bool) -> None:
    assert needs_secret(plain_settings(settings, "x")) is needs
