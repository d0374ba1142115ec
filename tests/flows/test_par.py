"""What a client may push."""

from dataclasses import replace

import pytest

from gateway.core.oauth.errors import OAuthError
from gateway.flows.oauth.par import Par, PushedParameters, TooManyPushed
from tests.core.oauth.apps import CHALLENGE, ISSUER, apps, asked
from tests.flows.conftest import KEYS, Stage

POLICY = apps()
OTHER_KEY = "k" * 43


@pytest.fixture
def par(stage: Stage) -> Par:
    return Par(PushedParameters(stage.admin.acts, KEYS.pushed, stage.random), lambda: POLICY, ISSUER)


async def push(par: Par, jkt: str = "", **changed: str) -> str:
    return await par.push(POLICY.clients["pushes"], asked("pushes", **changed).items(), jkt)


async def test_a_pushed_request_gets_a_name(par: Par) -> None:
    first, second = await push(par), await push(par)

    assert first.startswith("urn:ietf:params:oauth:request_uri:")
    assert len(first.rpartition(":")[2]) == 43
    assert first != second


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"request_uri": "urn:ietf:params:oauth:request_uri:" + "x" * 43}, "invalid_request"),
        ({"redirect_uri": ""}, "invalid_request"),
        ({"redirect_uri": "https://evil.example/cb"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"dpop_jkt": OTHER_KEY, "jkt": CHALLENGE}, "invalid_dpop_proof"),
    ],
)
async def test_what_is_wrong_is_said_to_the_client_at_once(par: Par, changed: dict[str, str], error: str) -> None:
    with pytest.raises(OAuthError) as raised:
        await push(par, **changed)

    assert raised.value.error == error


async def test_the_key_of_the_proof_is_the_codes_key(par: Par) -> None:
    await push(par, jkt=CHALLENGE)
    await push(par, jkt=CHALLENGE, dpop_jkt=CHALLENGE)
    await push(par, dpop_jkt=OTHER_KEY)


async def test_a_client_pushes_for_itself_alone(par: Par) -> None:
    """Whoever authenticated is the client, whatever the form says."""
    with pytest.raises(OAuthError) as raised:
        await par.push(POLICY.clients["spa"], asked("pushes").items(), "")

    assert raised.value.error == "invalid_request"


async def test_only_so_many_requests_wait(par: Par, stage: Stage) -> None:
    """O16."""
    par = replace(par, pushed=replace(par.pushed, most_unused=2))
    await push(par)
    await push(par)

    with pytest.raises(TooManyPushed):
        await push(par)

    stage.clock.advance(61)
    await push(par)
