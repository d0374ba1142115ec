"""Refresh tokens change at each exchange; one that comes again ends the grant, unless only an answer was lost."""

import asyncio
from dataclasses import replace

import pytest

from gateway.core.session.tokens import Token
from tests.oauth_clients import API, ISSUER
from tests.web.oauth_house import House, said


async def test_a_refresh_after_a_logout_that_postgres_does_not_know_is_refused(house: House, login: Token) -> None:
    body = await house.tokens("spa", login)
    await house.acts.deny_until(login.tag, login.login, house.clock.now + 3600)

    assert (await house.refresh("spa", body["refresh_token"])).error == "invalid_grant"
    assert (await house.userinfo(body["access_token"])).status == 401


async def test_refresh_tokens_walk_a_chain_and_an_older_one_ends_it(house: House, login: Token) -> None:
    body = await house.tokens("spa", login)
    chain = [body["refresh_token"]]
    for _ in range(3):
        answered = await house.refresh("spa", chain[-1])
        assert answered.status == 200
        assert await house.passes(answered.body["access_token"])
        chain.append(answered.body["refresh_token"])
    assert len(set(chain)) == 4

    reused = await house.refresh("spa", chain[0])

    assert reused.error == "invalid_grant"
    assert (await house.refresh("spa", chain[-1])).error == "invalid_grant"
    assert not await house.passes(body["access_token"])
    assert [one[0] for one in await house.entries("grant_ended", "refresh_reused")] == ["grant_ended", "refresh_reused"]
    assert house.counted["rotated"] == 3
    assert house.counted["reused"] == 1


async def test_fifty_parallel_refreshes_give_one_successor(house: House, login: Token) -> None:
    first = (await house.tokens("spa", login))["refresh_token"]

    answers = await asyncio.gather(*(house.refresh("spa", first) for _ in range(50)))

    assert {one.status for one in answers} == {200}
    (successor,) = {one.body["refresh_token"] for one in answers}
    assert (await house.refresh("spa", successor)).status == 200


@pytest.mark.parametrize(("after_s", "passes"), [(0, True), (30, True), (31, False)])
async def test_a_lost_answer_is_given_again_for_half_a_minute(
    house: House, login: Token, after_s: int, passes: bool
) -> None:
    first = (await house.tokens("spa", login))["refresh_token"]
    second = (await house.refresh("spa", first)).body["refresh_token"]
    house.clock.advance(after_s)

    again = await house.refresh("spa", first)

    assert (again.status == 200) is passes
    assert not passes or again.body["refresh_token"] == second
    assert ((await house.refresh("spa", second)).status == 200) is passes


async def test_a_client_that_authenticates_gets_the_lost_answer_until_it_used_the_successor(
    house: House, login: Token
) -> None:
    first = (await house.tokens("wiki", login))["refresh_token"]
    second = (await house.refresh("wiki", first)).body["refresh_token"]
    house.clock.advance(3600)

    assert (await house.refresh("wiki", first)).body["refresh_token"] == second
    assert (await house.refresh("wiki", second)).status == 200
    assert (await house.refresh("wiki", first)).error == "invalid_grant"


async def test_a_refresh_token_of_another_client_or_without_authentication_ends_nothing(
    house: House, login: Token
) -> None:
    spa, wiki = await house.tokens("spa", login), await house.tokens("wiki", login)

    assert (await house.refresh("spa2", spa["refresh_token"])).error == "invalid_grant"
    assert (await house.refresh("spa", wiki["refresh_token"])).error == "invalid_grant"
    wrong = await house.refresh("wiki", wiki["refresh_token"], client_secret="x" * 32)
    assert (wrong.status, wrong.error) == (401, "invalid_client")
    forged = spa["refresh_token"][:-1] + ("A" if spa["refresh_token"][-1] != "A" else "B")
    assert (await house.refresh("spa", forged)).error == "invalid_grant"

    assert (await house.refresh("spa", spa["refresh_token"])).status == 200
    assert (await house.refresh("wiki", wiki["refresh_token"])).status == 200


async def test_scope_narrows_one_access_token_and_not_the_grant(house: House, login: Token) -> None:
    first = (await house.tokens("spa", login, "openid email notes.read"))["refresh_token"]

    more = await house.refresh("spa", first, scope="notes.read notes.write")
    less = await house.refresh("spa", first, scope="notes.read")
    whole = await house.refresh("spa", less.body["refresh_token"])

    assert more.error == "invalid_scope"
    assert (less.body["scope"], said(less.body["access_token"])["scope"]) == ("notes.read", "notes.read")
    assert "id_token" not in less.body
    assert whole.body["scope"] == "email notes.read openid"
    assert "nonce" not in said(whole.body["id_token"])


async def test_the_resource_of_a_grant_does_not_change(house: House, login: Token) -> None:
    first = (await house.tokens("spa", login))["refresh_token"]

    assert (await house.refresh("spa", first, resource="https://api.example.org")).error == "invalid_target"
    assert (await house.refresh("spa", first, resource=ISSUER)).status == 200


async def test_a_group_that_is_taken_away_ends_the_grant_at_its_refresh(house: House, login: Token) -> None:
    """The client lets in staff; X4."""
    body = await house.tokens("spa2", login)
    async with house.pool.acquire() as connection:
        await connection.execute("UPDATE users SET groups = '{}', version = version + 1")
    await house.here.revocations.stale_person(login.tag)

    assert (await house.userinfo(body["access_token"])).status == 401
    assert (await house.refresh("spa2", body["refresh_token"])).error == "invalid_grant"
    ((_, actor, detail),) = await house.entries("grant_ended")
    assert (actor, '"why":"policy"' in detail) == ("gateway", True)
    assert not await house.passes(body["access_token"])


async def test_a_client_that_policy_no_longer_has_gets_nothing(house: House, login: Token) -> None:
    body = await house.tokens("spa", login)
    clients = dict(house.policy[0].clients)
    del clients["spa"]
    house.policy[0] = replace(house.policy[0], clients=clients)

    assert (await house.refresh("spa", body["refresh_token"])).error == "invalid_client"
    assert (await house.userinfo(body["access_token"])).status == 401


def _declare(house: House, client: str, **changed: object) -> None:
    clients = dict(house.policy[0].clients)
    clients[client] = replace(clients[client], **changed)  # type: ignore[arg-type]
    house.policy[0] = replace(house.policy[0], clients=clients)


async def test_a_scope_that_policy_takes_from_the_client_is_in_no_new_token(house: House, login: Token) -> None:
    first = (await house.tokens("spa", login, "openid notes.read notes.write"))["refresh_token"]
    _declare(house, "spa", scopes=("openid", "notes.read"))

    asked = await house.refresh("spa", first, scope="notes.write")
    less = await house.refresh("spa", first)
    _declare(house, "spa", scopes=("email",))
    nothing = await house.refresh("spa", less.body["refresh_token"])

    assert asked.error == "invalid_scope"
    assert (less.body["scope"], said(less.body["access_token"])["scope"]) == ("notes.read openid", "notes.read openid")
    assert nothing.error == "invalid_scope"


async def test_a_resource_that_policy_takes_from_the_client_gets_no_new_token(house: House, login: Token) -> None:
    _declare(house, "spa", resources=(API,))
    first = (await house.tokens("spa", login, "notes.read"))["refresh_token"]
    _declare(house, "spa", resources=())

    assert (await house.refresh("spa", first)).error == "invalid_target"
    _declare(house, "spa", resources=(API,))
    assert (await house.refresh("spa", first)).status == 200
