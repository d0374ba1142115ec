"""A token's request through Caddy: the app sees no credential that was used, and the client gets its next nonce."""

import json
from dataclasses import replace
from typing import Final

import pytest

from gateway.core.forward.answer import Answer
from tests.caddy.doubles import App, Decision
from tests.caddy.rig import APP, Rig
from tests.core.forward.setting import NOW
from tests.core.forward.tokens import BEARER, BOUND, DPOP, INCARNATION, METADATA, NONCES, Call, prove, proved

OLD: Final = NONCES.make(INCARNATION, NOW - 60)


def say(decision: Decision, answer: Answer) -> None:
    """What the gateway answers to such a request, byte for byte."""
    decision.status, decision.headers, decision.words, decision.body = answer.status, answer.headers, [], answer.body


@pytest.mark.parametrize("call", [BEARER, DPOP, proved(prove(nonce=OLD))(DPOP)], ids=["bearer", "dpop", "a new nonce"])
def test_the_app_never_sees_a_consumed_credential(rig: Rig, decision: Decision, app: App, call: Call) -> None:
    say(decision, call.answer())
    sent = [("Authorization", call.authorization), ("authorization", "Basic YTpi"), ("X-Api-Key", "the app's")]
    sent += [(name, call.proofs[0]) for name in ("DPoP", "dpop") if call.proofs]

    got = rig.fetch(APP, "/x", *sent)

    assert got.status == 200
    assert [app.reached[0].all(name) for name in ("authorization", "dpop")] == [[], []]
    assert app.reached[0].one("X-Api-Key") == "the app's"
    assert app.reached[0].one("Remote-User") == "ada"
    assert decision.asked[0].all("authorization") == [call.authorization, "Basic YTpi"], "each by itself"


def test_a_credential_of_the_apps_own_reaches_it(rig: Rig, decision: Decision, app: App) -> None:
    decision.allow()

    rig.fetch(APP, "/x", ("Authorization", "Basic YTpi"), ("DPoP", "x"))

    assert (app.reached[0].one("authorization"), app.reached[0].one("dpop")) == ("Basic YTpi", "x")


def test_a_fresh_nonce_reaches_the_client_in_place_of_the_apps(rig: Rig, decision: Decision, app: App) -> None:
    app.headers = [("DPoP-Nonce", "the app's"), ("DPoP-Nonce", "and again")]

    say(decision, proved(prove(nonce=OLD))(DPOP).answer())
    fresh = rig.fetch(APP, "/x")
    say(decision, DPOP.answer())
    none = rig.fetch(APP, "/x")

    assert fresh.all("DPoP-Nonce") == [NONCES.make(INCARNATION, NOW)]
    assert none.all("DPoP-Nonce") == ["the app's", "and again"]
    assert not [name for name, _ in fresh.headers if name.lower().startswith("x-bastion")]


def test_scripts_of_a_partner_may_read_the_nonce(rig: Rig, decision: Decision, app: App) -> None:
    app.headers = [("Access-Control-Expose-Headers", "X-Own")]
    partner = {"origin": "https://notes.example.org"}

    say(decision, replace(proved(prove(nonce=OLD))(DPOP), headers=partner).answer())
    got = rig.fetch(APP, "/x")

    assert got.one("Access-Control-Allow-Origin") == partner["origin"]
    assert got.all("Access-Control-Expose-Headers") == ["X-Total, WWW-Authenticate, DPoP-Nonce"]


def test_challenges_reach_the_client_whole(rig: Rig, decision: Decision, app: App) -> None:
    answer = Call(f"DPoP {BOUND}", ("x",)).answer()
    say(decision, answer)

    got = rig.fetch(APP, "/x")

    assert got.status == 401
    assert got.all("WWW-Authenticate") == [value for name, value in answer.headers if name == "WWW-Authenticate"]
    assert not app.reached


def test_where_tokens_come_from_is_answered_without_the_app(rig: Rig, decision: Decision, app: App) -> None:
    say(decision, Call(path=METADATA).answer())

    got = rig.fetch(APP, METADATA)

    assert (got.status, got.one("Content-Type"), got.one("Access-Control-Allow-Origin")) == (
        200,
        "application/json",
        "*",
    )
    assert json.loads(got.body)["authorization_servers"] == ["https://auth.example.org"]
    assert not [name for name, _ in got.headers if name.lower().startswith("x-bastion")]
    assert not app.reached
