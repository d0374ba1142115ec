"""A client that policy no longer has loses its grants, but not before the whole fleet has that policy (O6)."""

from dataclasses import replace

import pytest

from gateway.core.session.tokens import Token
from gateway.flows.oauth.removed_clients import RemovedClients
from gateway.flows.policy.policy_fleet import PolicyFleet
from gateway.stores.postgres.policy_workers import PolicyWorkers
from tests.core.forward.setting import KEYS
from tests.deciding import ADA
from tests.oauth_clients import API, SECRET
from tests.web.oauth_house import House


async def report(house: House, worker: int, version: str, refused: str = "") -> None:
    async with house.pool.acquire() as connection:
        await PolicyWorkers(connection).report("node", worker, version, refused, 0, [])


async def without(house: House, *names: str) -> None:
    """Policy lacks these clients from now on."""
    before = house.policy[0]
    kept = {name: client for name, client in before.clients.items() if name not in names}
    house.policy[0] = replace(before, clients=kept, version="newer")


def removed(house: House) -> RemovedClients:
    return RemovedClients(house.acts, PolicyFleet(house.pool), lambda: house.policy[0], KEYS.tag)


async def test_grants_end_when_all_workers_have_the_policy_and_do_not_come_back(house: House, login: Token) -> None:
    spa, wiki = await house.tokens("spa", login), await house.tokens("wiki", login)
    offline = (await house.exchange("spa", await house.code("spa", login, offline=True))).body
    for one in (spa, wiki, offline):
        assert await house.passes(one["access_token"])
    before = house.policy[0]
    await without(house, "spa")
    for worker in (0, 1):
        await report(house, worker, "newer")

    await removed(house).work()
    house.policy[0] = before

    assert not await house.passes(spa["access_token"])
    assert not await house.passes(offline["access_token"])
    assert (await house.refresh("spa", spa["refresh_token"])).error == "invalid_grant"
    assert await house.passes(wiki["access_token"])
    entries = await house.entries("grant_ended")
    assert [('"why":"client_removed"' in detail, actor) for _, actor, detail in entries] == [(True, "gateway")] * 2


@pytest.mark.parametrize(("version", "refused"), [("older", ""), ("newer", "a mistake"), (None, "")])
async def test_one_worker_with_other_files_keeps_the_grants(
    house: House, login: Token, version: str | None, refused: str
) -> None:
    """None: no worker has reported yet."""
    spa = await house.tokens("spa", login)
    await without(house, "spa")
    if version is not None:
        await report(house, 0, "newer")
        await report(house, 1, version, refused)

    await removed(house).work()

    assert await house.passes(spa["access_token"])
    assert await house.entries("grant_ended") == []


async def consent_to(house: House, client: str) -> frozenset[str]:
    async with house.acts.begin() as act:
        return await act.app_consents.scopes(ADA, client, API)


async def test_a_consent_does_not_count_for_another_client_of_the_same_name(house: House) -> None:
    """Nor does it come back with the old client; that of a registered one stays, also while it is disabled."""
    async with house.acts.begin() as act:
        for client in ("spa", "wiki", "kept"):
            await act.app_consents.give(ADA, client, API, ["openid"], act.now)
        assert await act.clients.add("kept", "{}", None, act.now)
    await house.pool.execute("UPDATE clients SET state = 'disabled'")
    before = house.policy[0]
    await without(house, "spa")
    await report(house, 0, "older")
    await removed(house).work()
    assert await consent_to(house, "spa") == {"openid"}
    await report(house, 0, "newer")

    for _ in range(2):
        await removed(house).work()
    house.policy[0] = before

    assert await consent_to(house, "spa") == frozenset()
    assert await consent_to(house, "wiki") == await consent_to(house, "kept") == {"openid"}
    assert await house.pool.fetchval("SELECT count(*) FROM app_consents") == 4
    async with house.acts.begin() as act:
        await act.app_consents.give(ADA, "spa", API, ["profile"], act.now)
    assert await consent_to(house, "spa") == {"profile"}


async def test_more_consents_than_one_round_takes_are_withdrawn_too(house: House) -> None:
    await house.pool.execute(
        "INSERT INTO app_consents (user_id, client, scope, resource, at, withdrawn)"
        " SELECT $1, 'gone-' || n, '{openid}', $2, 1, false FROM generate_series(1, 220) n",
        ADA, API,
    )  # fmt: skip
    await report(house, 0, house.policy[0].version)

    await removed(house).work()

    assert await house.pool.fetchval("SELECT count(*) FROM app_consents WHERE withdrawn") == 220


async def test_more_grants_than_one_round_takes_end_too(house: House) -> None:
    logins = [await house.here.log_in() for _ in range(3)]
    for one in logins:
        await house.tokens("spa", one)
    form = {"grant_type": "client_credentials", "client_id": "robot", "client_secret": SECRET}
    await house.post("/oauth2/token", form)
    async with house.pool.acquire() as connection:  # as many as need three rounds
        await connection.execute(
            "INSERT INTO grants SELECT (g.j).* FROM (SELECT jsonb_populate_record(NULL::grants, to_jsonb(g) ||"
            " jsonb_build_object('id', '\\x' || lpad(to_hex(n), 32, '0'))) AS j FROM grants g,"
            " generate_series(1, 220) n WHERE g.client = 'spa' AND g.login_id = $1) AS g",
            logins[0].login_id,
        )
    assert await house.live_grants() == 224
    await without(house, "spa", "robot")
    await report(house, 0, "newer")

    await removed(house).work()

    assert await house.live_grants() == 0
