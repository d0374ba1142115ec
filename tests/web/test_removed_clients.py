"""A client that policy no longer has loses its grants, but not before the whole fleet has that policy (O6)."""

from dataclasses import replace

import pytest

from gateway.core.session.tokens import Token
from gateway.flows.oauth.removed_clients import RemovedClients
from gateway.flows.policy.policy_fleet import PolicyFleet
from gateway.stores.postgres.policy_workers import PolicyWorkers
from tests.core.forward.setting import KEYS
from tests.oauth_clients import SECRET
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
