"""A request that an app pushes before it sends the person: through Caddy."""

from urllib.parse import urlencode

import pytest

from tests.journeys.apps import answered, asked, decide, sign_in
from tests.staging import NAVIGATION, Seen, Stage

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def push(stage: Stage, **changed: str) -> Seen:
    return stage.visitor().send("POST", f"{stage.auth}/oauth2/par", FORM, urlencode(asked(stage, **changed)))


def address(stage: Stage, request_uri: str, client: str = "spa") -> str:
    return f"{stage.auth}/oauth2/authorize?{urlencode({'client_id': client, 'request_uri': request_uri})}"


def test_a_pushed_request_leads_to_a_code_once(stage: Stage) -> None:
    pushed = push(stage, prompt="consent")
    told = pushed.json()
    visitor = stage.visitor()

    assert (pushed.status, told["expires_in"]) == (201, 60)
    assert pushed.headers["Cache-Control"] == "no-store"
    assert told["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
    visitor.visit(address(stage, told["request_uri"]))
    page = sign_in(stage, visitor, visitor.visit(address(stage, told["request_uri"])))
    answer = answered(stage, decide(visitor, page, "allow"))
    assert sorted(answer) == ["code", "iss", "state"]
    again = visitor.send("GET", address(stage, told["request_uri"]), NAVIGATION)
    assert (again.status, "Location" in again.headers) == (400, False)


def test_a_pushed_request_is_its_clients_own(stage: Stage) -> None:
    request_uri = push(stage).json()["request_uri"]

    assert stage.visitor().send("GET", address(stage, request_uri, "cli"), NAVIGATION).status == 400


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_id": ""}, 400, "invalid_request"),
        ({"client_secret": "x"}, 401, "invalid_client"),
        ({"redirect_uri": "https://evil.example/cb"}, 400, "invalid_request"),
        ({"redirect_uri": ""}, 400, "invalid_request"),
        ({"code_challenge": "", "code_challenge_method": ""}, 400, "invalid_request"),
        ({"code_challenge_method": "plain"}, 400, "invalid_request"),
        ({"scope": "admin"}, 400, "invalid_scope"),
        ({"request_uri": "urn:ietf:params:oauth:request_uri:" + "x" * 43}, 400, "invalid_request"),
    ],
)
def test_what_is_wrong_is_said_in_json(stage: Stage, changed: dict[str, str], status: int, error: str) -> None:
    refused = push(stage, **changed)

    assert (refused.status, refused.json()["error"]) == (status, error)
    assert refused.headers["Cache-Control"] == "no-store"


def test_only_a_post_pushes(stage: Stage) -> None:
    seen = stage.visitor().send("GET", f"{stage.auth}/oauth2/par?{urlencode(asked(stage))}")

    assert (seen.status, seen.headers["Allow"]) == (405, "OPTIONS, POST")


def test_a_proof_that_is_none_is_refused(stage: Stage) -> None:
    headers = {**FORM, "DPoP": "e30.e30.AA"}
    seen = stage.visitor().send("POST", f"{stage.auth}/oauth2/par", headers, urlencode(asked(stage)))

    assert (seen.status, seen.json()["error"]) == (400, "invalid_dpop_proof")
