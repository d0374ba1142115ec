"""The plans for the conformance suite fit the policy beside them. The suite itself is not run here."""

import json
import re
import stat
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.core.policy.client import Client
from gateway.core.policy.compile import compile_policy
from gateway.core.policy.model import Policy
from gateway.core.policy.site import Site
from tests.conformance.prepare import CLIENTS, HERE, PLANS, Place, prepare

PLACE: Final = Place(
    "https://auth.example.com", "https://suite.example.com", "https://api.example.com", "ada", 'correct "horse" battery'
)
Plan = dict[str, Any]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("conformance")
    prepare(PLACE, directory)
    return directory


@pytest.fixture(scope="module")
def policy(prepared: Path) -> Policy:
    return compile_policy({"policy.yaml": (prepared / "policy.yaml").read_text()}, Site("auth.example.com"))


def plan_of(prepared: Path, name: str) -> Plan:
    plan: Plan = json.loads((prepared / name).read_text())
    return plan


def clients_of(plan: Plan) -> list[dict[str, Any]]:
    return [plan[name] for name in CLIENTS if name in plan]


NAMES: Final = [file.name for file in PLANS]


@pytest.mark.parametrize("name", NAMES)
def test_each_plan_is_json_with_a_place_for_what_is_filled_in(name: str) -> None:
    plan = json.loads((HERE / "plans" / name).read_text())

    assert plan["server"] == {"discoveryUrl": "$issuer/.well-known/openid-configuration"}
    assert all(client.get("client_secret", "") == "" for client in clients_of(plan))  # no secret is in the tree
    assert all(client.get("jwks", {"keys": []}) == {"keys": []} for client in clients_of(plan))


@pytest.mark.parametrize("name", NAMES)
def test_each_client_of_a_plan_is_declared_with_its_address_and_its_key(
    prepared: Path, policy: Policy, name: str
) -> None:
    plan = plan_of(prepared, name)

    for client in clients_of(plan):
        declared = policy.clients[client["client_id"]]
        assert f"{PLACE.suite}/test/a/{plan['alias']}/callback" in declared.redirect_uris
        assert set(client.get("scope", "openid").split()) <= set(declared.scopes)
        assert authenticates(client, declared)


def authenticates(client: dict[str, Any], declared: Client) -> bool:
    if "jwks" not in client:
        return declared.secret_hash == sha256(client["client_secret"].encode()).digest()
    ((key,), (public,)) = client["jwks"]["keys"], declared.jwks
    members = {name: key[name] for name in ("kty", "crv", "x", "y")}
    return "d" in key and (public.kid, public.algorithms, public.jwk) == (key["kid"], frozenset({key["alg"]}), members)


def test_each_client_of_the_policy_is_in_a_plan(prepared: Path, policy: Policy) -> None:
    named = {client["client_id"] for name in NAMES for client in clients_of(plan_of(prepared, name))}

    assert named == set(policy.clients)


def test_the_browser_types_the_password_as_it_is(prepared: Path) -> None:
    for name in NAMES:
        (browser,) = plan_of(prepared, name)["browser"]
        assert ["text", "id", "password", PLACE.password] in browser["tasks"][0]["commands"]


def test_what_the_browser_clicks_is_on_our_pages(prepared: Path) -> None:
    pages = "".join(page.read_text() for page in (HERE.parents[1] / "gateway/web/templates").glob("*.html"))
    (browser,) = plan_of(prepared, NAMES[0])["browser"]
    ids = [command[2] for task in browser["tasks"][:2] for command in task["commands"]]

    assert ids == ["name", "password", "sign-in", "consent-allow"]
    assert all(f'id="{one}"' in pages for one in ids)
    assert '<form method="post" action="/logout">' in pages


def test_the_api_of_the_fapi2_plan_takes_tokens_that_are_bound(prepared: Path, policy: Policy) -> None:
    url = plan_of(prepared, "fapi2-security-profile-final.json")["resource"]["resourceUrl"]
    (route,) = policy.routes

    assert url == f"{PLACE.api}/"
    assert route.credentials == {"dpop"}


def test_secrets_are_for_their_owner_alone(prepared: Path) -> None:
    assert {stat.S_IMODE(file.stat().st_mode) for file in prepared.iterdir()} == {0o600}


def test_the_page_names_each_plan() -> None:
    page = (HERE / "README.md").read_text()

    assert set(re.findall(r"([\w-]+\.json)", page)) >= set(NAMES)
