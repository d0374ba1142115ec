"""What a client may push."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from gateway.core.errors import TooManyAttempts
from gateway.core.oauth.errors import OAuthError
from gateway.core.oauth.parameters import Parameters
from gateway.flows.oauth.par import Par, TooManyPushed, pushed_id_hash
from tests.core.oauth.apps import CHALLENGE, apps, asked
from tests.flows.conftest import Stage

POLICY = apps()
OTHER_KEY = "k" * 43
HERE, THERE = ip_address("203.0.113.7"), ip_address("203.0.113.8")


async def push(par: Par, jkt: str = "", **changed: str) -> str:
    return await par.push(POLICY.clients["pushes"], Parameters.of(asked("pushes", **changed).items()), jkt)


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
        await par.push(POLICY.clients["spa"], Parameters.of(asked("pushes").items()), "")

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


async def test_clients_that_anybody_can_name_leave_room_for_those_that_authenticate(par: Par) -> None:
    """Some hundred addresses could keep all apps of profile fapi2 from signing people in else."""
    par = replace(par, pushed=replace(par.pushed, most_unused=4))
    public = POLICY.clients["spa"], Parameters.of(asked().items()), ""
    await par.push(*public)
    await par.push(*public)

    with pytest.raises(TooManyPushed):
        await par.push(*public)

    await push(par)
    await push(par)
    with pytest.raises(TooManyPushed):
        await push(par)


async def test_a_client_with_a_secret_has_a_budget_wherever_it_pushes(par: Par) -> None:
    client = POLICY.clients["pushes"]
    for _ in range(3):
        await par.spend(client, HERE)

    with pytest.raises(TooManyAttempts):
        await par.spend(client, THERE)
    await par.spend(POLICY.clients["wiki"], HERE)


async def test_clients_that_anybody_can_name_share_a_budget_at_each_address(par: Par) -> None:
    await par.spend(POLICY.clients["spa"], HERE)
    await par.spend(POLICY.clients["cli"], HERE)

    with pytest.raises(TooManyAttempts):
        await par.spend(POLICY.clients["spa"], HERE)
    await par.spend(POLICY.clients["spa"], THERE)


async def test_a_parameter_that_nobody_knows_is_not_kept(par: Par, stage: Stage) -> None:
    uri = await push(par, client_secret="geheim", x="y")
    hash_ = pushed_id_hash(uri)
    assert hash_ is not None

    kept = await par.pushed.of(hash_, "pushes", opened_at=stage.clock.now)

    assert kept is not None
    assert kept.values == asked("pushes")


async def test_what_was_sealed_under_another_root_key_is_gone(par: Par, stage: Stage) -> None:
    hash_ = pushed_id_hash(await push(par))
    assert hash_ is not None

    changed = replace(par.pushed, key=b"x" * 32)

    assert await changed.of(hash_, "pushes", opened_at=stage.clock.now) is None
