"""Grants with a record of their own: those that outlive the login, and those of apps that act for themselves."""

import time
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from redis.asyncio import Redis

from gateway.core.assurance.model import NO_PROOF
from gateway.core.base64url import b64
from gateway.core.mail.links import link_hash
from gateway.core.oauth.grants import client_tag
from gateway.core.principal.ask import LoginFacts, Presented, Standing
from gateway.core.session.tokens import Token
from gateway.core.token.access import AccessTokens, grant_credential
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.people.account import Account
from gateway.flows.people.end_links import end_linked
from tests.core.forward.setting import KEYS
from tests.deciding import ADA
from tests.oauth_clients import ISSUER, SECRET
from tests.waiting_mail import waiting_mail
from tests.web.oauth_house import House, said


async def offline(house: House, login: Token, **content: Any) -> dict[str, Any]:
    code = await house.code("wiki", login, "openid email", offline=True, **content)
    answered = await house.exchange("wiki", code)
    assert answered.status == 200, answered.body
    return answered.body


def presented(house: House, text: str) -> Presented:
    return AccessTokens(ISSUER, KEYS.token).read(text, house.keys, None).presented


async def test_an_offline_grant_goes_on_when_its_login_ends(house: House, login: Token) -> None:
    body = await offline(house, login)
    assert await house.passes(body["access_token"])

    await house.here.end(login)

    assert await house.passes(body["access_token"])
    assert (await house.userinfo(body["access_token"])).status == 200
    again = await house.refresh("wiki", body["refresh_token"])
    assert again.status == 200
    assert await house.passes(again.body["access_token"])
    async with house.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM sessions WHERE host LIKE 'client:%'") == 0


async def test_its_person_is_told_with_a_link_that_ends_it(house: House, login: Token) -> None:
    """login-defence.md X3. What ends with its login is not told."""
    with house.admin() as admin:
        await admin.set_email("ada", "ada@example.org")
    other = (await house.exchange("wiki", await house.code("wiki", login, "openid"))).body
    body = await offline(house, login)
    (mail,) = await waiting_mail(house.acts, "app_admitted")
    assert dict(mail.facts)["App"] == house.policy[0].clients["wiki"].name

    async with house.acts.begin() as act:
        link = await act.links.find(link_hash(mail.token) or b"", act.now)
        assert link is not None
        assert await end_linked(act, KEYS.tag, link)

    assert not await house.passes(body["access_token"])
    assert (await house.refresh("wiki", body["refresh_token"])).error == "invalid_grant"
    assert await house.passes(other["access_token"])


@pytest.mark.parametrize("how", ["disabled", "password", "operator", "all devices", "other devices", "revoked", "code"])
async def test_what_ends_everything_ends_it_and_nothing_brings_it_back(house: House, login: Token, how: str) -> None:
    """O4."""
    code = await house.code("wiki", login, "openid", offline=True)
    body = (await house.exchange("wiki", code)).body
    assert await house.passes(body["access_token"])

    await _end(house, login, how, code, body)

    for _ in range(2):
        assert not await house.passes(body["access_token"])
        assert (await house.refresh("wiki", body["refresh_token"])).error == "invalid_grant"
        assert (await house.userinfo(body["access_token"])).status == 401
        with house.admin() as admin:
            await admin.enable("ada")
    assert len(await house.entries("grant_ended")) == 1


async def _end(house: House, login: Token, how: str, code: str, body: dict[str, Any]) -> None:
    person = (await house.here.decisions.live(presented(house, body["access_token"])))[0]
    assert person is not None
    live = LiveLogin(replace(house.presented(login)), person.person, LoginFacts(NO_PROOF, 0, 0))
    with house.admin() as admin:
        match how:
            case "disabled":
                await admin.disable("ada")
            case "password":
                await admin.set_password("ada", "another horse battery")
            case "operator":
                await admin.end_sessions("ada", None, "stolen")
            case "all devices":
                await Account(house.acts, KEYS).end_all(live, "")
            case "other devices":
                await Account(house.acts, KEYS).end_others(live, "")
            case "revoked":
                form = {"token": body["refresh_token"], "client_id": "wiki", "client_secret": SECRET}
                await house.post("/oauth2/revoke", form)
            case _:
                assert (await house.exchange("wiki", code, code_verifier="x" * 43)).error == "invalid_grant"


async def test_an_operator_who_ends_one_login_ends_no_offline_grant(house: House, login: Token) -> None:
    body = await offline(house, login)
    with house.admin() as admin:
        await admin.end_sessions("ada", login.login_id, "one device")

    assert await house.passes(body["access_token"])


async def test_a_group_that_is_taken_away_reaches_an_offline_grant(house: House, login: Token) -> None:
    body = await offline(house, login)
    live, _ = await house.here.decisions.live(presented(house, body["access_token"]))
    assert live is not None
    assert live.person.groups == ("staff",)
    with house.admin() as admin:
        await admin.set_groups("ada", ("ops",))

    live, _ = await house.here.decisions.live(presented(house, body["access_token"]))
    assert live is not None
    assert live.person.groups == ("ops",)


async def test_an_offline_grant_has_its_logins_assurance_until_that_is_over_then_none(
    house: House, login: Token, redis: Redis
) -> None:
    """X5."""
    body = await offline(house, login, mfa_at=house.clock.now - 5)
    token = presented(house, body["access_token"])
    live, _ = await house.here.decisions.live(token)
    assert live is not None
    assert (live.facts.assurance.authenticated_at, live.facts.assurance.mfa_at) == (
        house.clock.now - 5,
        house.clock.now - 5,
    )
    async with house.pool.acquire() as connection:
        await connection.execute("UPDATE logins SET expires_at = $1", int(time.time()) - 1)
    await redis.delete(f"{{{token.tag}}}g:{token.login}")

    live, _ = await house.here.decisions.live(token)

    assert live is not None
    assert (live.facts.assurance.authenticated_at, live.facts.assurance.mfa_at) == (0, 0)
    again = await house.refresh("wiki", body["refresh_token"])
    assert said(again.body["id_token"])["auth_time"] == house.clock.now - 5


@pytest.mark.parametrize(("column", "seconds"), [("expires_at", 0), ("last_used_at", 30 * 86_400)])
async def test_an_offline_grant_is_over_in_the_end(
    house: House, login: Token, redis: Redis, column: str, seconds: int
) -> None:
    body = await offline(house, login)
    async with house.pool.acquire() as connection:
        await connection.execute(f"UPDATE grants SET {column} = $1", house.clock.now - seconds)
    token = presented(house, body["access_token"])
    await redis.delete(f"{{{token.tag}}}g:{token.login}")

    assert not await house.passes(body["access_token"])
    assert (await house.refresh("wiki", body["refresh_token"])).error == "invalid_grant"


async def test_a_record_is_read_for_its_own_tag_only(house: House, login: Token) -> None:
    """Whoever could write a token would still not get a person's record under another tag."""
    body = await offline(house, login)
    token = presented(house, body["access_token"])
    other = Presented(client_tag(KEYS.tag, "wiki"), token.login, token.credential, "grant")

    assert (await house.here.decisions.standing_of(other)).outcome is Standing.ENDED
    as_login = Presented(token.tag, token.login, token.credential)
    assert (await house.here.decisions.standing_of(as_login)).outcome is Standing.ENDED


async def test_a_grant_of_a_login_is_no_record_of_its_own(house: House, login: Token) -> None:
    await house.tokens("wiki", login)
    async with house.pool.acquire() as connection:
        grant_id = await connection.fetchval("SELECT id FROM grants")
    forged = Presented(login.tag, b64(grant_id), grant_credential(grant_id), "grant")

    assert (await house.here.decisions.standing_of(forged)).outcome is Standing.ENDED


async def test_an_app_that_acts_for_itself_is_a_person_of_its_own(house: House) -> None:
    form = {"grant_type": "client_credentials", "client_id": "robot", "client_secret": SECRET}
    text = (await house.post("/oauth2/token", form)).body["access_token"]

    live, _ = await house.here.decisions.live(presented(house, text))

    assert live is not None
    assert (live.person.username, live.person.groups, live.person.email) == ("client:robot", (), "")
    assert live.person.user_id == UUID(int=0) != ADA
    assert (live.facts.assurance.authenticated_at, live.facts.assurance.mfa_at) == (0, 0)
    assert presented(house, text).tag == client_tag(KEYS.tag, "robot")


async def test_a_standing_grant_that_was_revoked_ends_at_once_and_its_next_is_another(house: House) -> None:
    form = {"grant_type": "client_credentials", "client_id": "robot", "client_secret": SECRET}
    text = (await house.post("/oauth2/token", form)).body["access_token"]
    assert await house.passes(text)

    await house.post("/oauth2/revoke", {"token": text, "client_id": "robot", "client_secret": SECRET})

    assert not await house.passes(text)
    assert await house.passes((await house.post("/oauth2/token", form)).body["access_token"])
