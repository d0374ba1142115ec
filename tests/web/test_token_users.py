"""Userinfo, introspection and revocation: what a token is worth to whom, and how it ends."""

import time

import pytest
from redis.asyncio import Redis

from gateway.core.principal.ask import Standing
from gateway.core.session.tokens import Token
from gateway.core.token.access import AccessTokens
from tests.core.forward.setting import KEYS
from tests.oauth_clients import ES256, ISSUER, SECRET
from tests.web.oauth_house import Answered, House, basic


async def introspect(house: House, client: str, token: str, secret: str = SECRET) -> Answered:
    return await house.post("/oauth2/introspect", {"token": token}, basic(client, secret))


async def revoke(house: House, client: str, token: str) -> Answered:
    return await house.post("/oauth2/revoke", {"token": token, "client_id": client})


async def robot_token(house: House, client: str = "robot") -> str:
    form = {"grant_type": "client_credentials", "client_id": client, "client_secret": SECRET}
    more = {"resource": "https://api.example.org"} if client == "keeper" else {}
    return str((await house.post("/oauth2/token", form | more)).body["access_token"])


async def test_userinfo_tells_what_the_scopes_ask_for(house: House, login: Token) -> None:
    body = await house.tokens("spa", login, "openid profile groups")

    for method in ("GET", "POST"):
        told = await house.send(method, "/oauth2/userinfo", ("Authorization", f"Bearer {body['access_token']}"))
        assert told.status == 200
        assert told.body == {"sub": "u_" + "0" * 31 + "1", "preferred_username": "ada", "groups": ["staff"]}
        assert told.headers["Cache-Control"] == "no-store"


async def test_userinfo_needs_the_scope_openid_and_a_token_for_us(house: House, login: Token) -> None:
    without = (await house.tokens("spa", login, "profile"))["access_token"]

    refused = await house.userinfo(without)
    assert (refused.status, refused.error) == (403, "insufficient_scope")
    assert (await house.userinfo(await robot_token(house))).error == "invalid_token"
    for_an_api = await house.exchange("spa", await house.code("spa", login, resource="https://api.example.org"))
    assert (await house.userinfo(for_an_api.body["access_token"])).error == "invalid_token"


@pytest.mark.parametrize(
    ("headers", "status", "error"),
    [
        ([], 401, "invalid_token"),
        ([("Authorization", "Bearer")], 401, "invalid_token"),
        ([("Authorization", "Bearer x.y.z")], 401, "invalid_token"),
        ([("Authorization", "Basic abc")], 401, "invalid_token"),
        ([("Authorization", "Bearer a"), ("Authorization", "Bearer b")], 400, "invalid_request"),
    ],
)
async def test_userinfo_tells_strangers_how_to_ask(
    house: House, headers: list[tuple[str, str]], status: int, error: str
) -> None:
    refused = await house.send("GET", "/oauth2/userinfo", *headers)

    assert (refused.status, refused.error) == (status, error)
    assert status == 400 or refused.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_token_in_the_query_or_the_body_is_none(house: House, login: Token) -> None:
    token = (await house.tokens("spa", login))["access_token"]

    assert (await house.send("GET", f"/oauth2/userinfo?access_token={token}")).status == 401
    assert (await house.post("/oauth2/userinfo", {"access_token": token})).status == 401


async def test_before_a_key_is_known_nothing_is_said_of_an_access_token(house: House, login: Token) -> None:
    """A node that starts while Postgres is away: apps that hear 401 throw their tokens away."""
    token, keys = (await house.tokens("wiki", login))["access_token"], dict(house.keys)
    house.keys.clear()

    unknown = await house.userinfo(token)
    house.keys.update(keys)

    assert (unknown.status, unknown.error) == (503, "temporarily_unavailable")
    assert (await house.userinfo(token)).status == 200


async def test_an_access_token_is_over_by_the_clock_of_redis(house: House, login: Token) -> None:
    from_an_hour_ago = await _aged(house, login, 900)

    assert (await house.userinfo(from_an_hour_ago)).error == "invalid_token"
    assert (await introspect(house, "wiki", from_an_hour_ago)).body == {"active": False}
    assert (await house.userinfo(await _aged(house, login, 890))).status == 200


async def _aged(house: House, login: Token, seconds: int) -> str:
    """A token of wiki that was issued so long ago."""
    body = await house.tokens("wiki", login)
    tokens = AccessTokens(ISSUER, KEYS.token)
    read = tokens.read(body["access_token"], house.keys, None)
    return tokens.issue(
        ES256,
        read.presented,
        client="wiki",
        subject=read.subject,
        scopes=["openid"],
        audience=read.audience,
        now=int(time.time()) - seconds,
        ttl_s=900,
    )


@pytest.mark.parametrize("column", ["expires_at", "last_used_at"])
async def test_a_refresh_token_is_worth_nothing_once_its_grant_is_too_old(
    house: House, login: Token, column: str
) -> None:
    """The login lives on, and the token endpoint takes the token no more."""
    text = (await house.tokens("wiki", login))["refresh_token"]
    assert (await introspect(house, "wiki", text)).body["active"]
    async with house.pool.acquire() as connection:
        await connection.execute(f"UPDATE grants SET {column} = $1", house.clock.now - 30 * 86_400)

    assert (await house.refresh("wiki", text)).error == "invalid_grant"
    assert (await introspect(house, "wiki", text)).body == {"active": False}


async def test_asking_about_a_token_is_no_use_of_the_login(house: House, login: Token, redis: Redis) -> None:
    """X13: an app that polls keeps nobody signed in; a refresh does."""
    body = await house.tokens("wiki", login)
    await house.passes(body["access_token"])
    key = f"{{{login.tag}}}l:{login.login}"
    earlier = await _idle_at(redis, key) - 600
    await redis.setrange(key, 21, earlier.to_bytes(4, "little"))

    assert (await house.userinfo(body["access_token"])).status == 200
    assert (await introspect(house, "wiki", body["access_token"])).body["active"]
    assert await _idle_at(redis, key) == earlier
    assert (await house.refresh("wiki", body["refresh_token"])).status == 200
    assert await _idle_at(redis, key) > earlier


async def _idle_at(redis: Redis, key: str) -> int:
    record = await redis.get(key)
    assert isinstance(record, bytes)
    return int.from_bytes(record[21:25], "little")


async def test_introspection_describes_a_token_to_its_own_client(house: House, login: Token) -> None:
    body = await house.tokens("wiki", login, "openid profile")

    access = (await introspect(house, "wiki", body["access_token"])).body
    refresh = (await introspect(house, "wiki", body["refresh_token"])).body

    assert access["active"] is True
    assert (access["client_id"], access["scope"], access["token_type"]) == ("wiki", "openid profile", "Bearer")
    assert (access["sub"], access["iss"], access["aud"]) == ("u_" + "0" * 31 + "1", *["https://auth.example.org"] * 2)
    assert access["exp"] - access["iat"] == 900
    assert "username" not in access
    assert (refresh["active"], refresh["client_id"], "exp" in refresh) == (True, "wiki", False)


async def test_strangers_learn_nothing_of_a_token(house: House, login: Token) -> None:
    """O21. A service that has the resource speaks for it."""
    of_wiki = (await house.tokens("wiki", login))["access_token"]
    of_robot = await robot_token(house)

    assert (await introspect(house, "robot", of_wiki)).body == {"active": False}
    assert (await introspect(house, "wiki", of_robot)).body == {"active": False}
    assert (await introspect(house, "robot", of_robot)).body["active"]
    assert (await introspect(house, "keeper", of_robot)).body["active"]
    assert (await introspect(house, "keeper", (await house.tokens("wiki", login))["refresh_token"])).body == {
        "active": False
    }


@pytest.mark.parametrize("token", ["x", "a.b.c", "v1.x.y.z.m", "é"])
async def test_what_is_no_token_is_not_active(house: House, token: str) -> None:
    assert (await introspect(house, "wiki", token)).body == {"active": False}


async def test_who_does_not_authenticate_learns_nothing(house: House, login: Token) -> None:
    token = (await house.tokens("spa", login))["access_token"]

    assert (await introspect(house, "wiki", token, "wrong")).status == 401
    assert (await house.post("/oauth2/introspect", {"token": token})).error == "invalid_request"
    public = await house.post("/oauth2/introspect", {"token": token, "client_id": "spa"})
    assert (public.status, public.error) == (403, "unauthorized_client")
    assert (await house.post("/oauth2/introspect", {}, basic("wiki"))).error == "invalid_request"


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
async def test_any_token_of_a_grant_ends_the_grant(house: House, login: Token, which: str) -> None:
    body, other = await house.tokens("spa", login), await house.tokens("wiki", login)
    assert await house.passes(body["access_token"])

    answered = await revoke(house, "spa", body[which])

    assert (answered.status, answered.body) == (200, {})
    assert not await house.passes(body["access_token"])
    assert (await house.refresh("spa", body["refresh_token"])).error == "invalid_grant"
    assert (await house.userinfo(body["access_token"])).status == 401
    assert await house.passes(other["access_token"]), "the login and its other apps go on"
    (entry,) = await house.entries("grant_ended")
    assert (entry[1], '"why":"revoked"' in entry[2]) == ("client:spa", True)
    assert (await revoke(house, "spa", body[which])).status == 200
    assert len(await house.entries("grant_ended")) == 1


async def test_a_strangers_token_is_left_alone_without_a_word(house: House, login: Token) -> None:
    body = await house.tokens("spa", login)

    for token in (body["access_token"], body["refresh_token"], "x", "a.b.c"):
        assert (await revoke(house, "spa2", token)).status == 200
    wrong = await house.post("/oauth2/revoke", {"token": body["access_token"]}, basic("wiki", "wrong"))

    assert wrong.status == 401
    assert await house.passes(body["access_token"])
    assert (await house.refresh("spa", body["refresh_token"])).status == 200


async def test_a_revoked_token_of_a_service_ends_its_standing_grant_and_the_next_begins_another(house: House) -> None:
    token = await robot_token(house)
    form = {"token": token, "client_id": "robot", "client_secret": SECRET}

    assert (await house.post("/oauth2/revoke", form)).status == 200

    assert (await introspect(house, "robot", token)).body == {"active": False}
    assert (await introspect(house, "robot", await robot_token(house))).body["active"]


async def test_a_revocation_that_redis_did_not_hear_is_done_again(house: House, login: Token) -> None:
    """The grant has ended in Postgres; the live copy goes on until the app repeats the revocation."""
    body = await house.tokens("spa", login)
    assert await house.passes(body["access_token"])
    async with house.pool.acquire() as connection:
        await connection.execute("UPDATE grants SET ended_at = 1, ended_why = 'revoked'")
        await connection.execute("DELETE FROM sessions WHERE host LIKE 'client:%'")
    assert await house.passes(body["access_token"])

    assert (await revoke(house, "spa", body["access_token"])).status == 200

    assert not await house.passes(body["access_token"])


ENDINGS = ["logout", "device", "disabled", "password", "denied"]


@pytest.mark.parametrize("how", ENDINGS)
async def test_what_ends_the_login_ends_its_grants(house: House, login: Token, how: str) -> None:
    body = await house.tokens("spa", login)
    assert await house.passes(body["access_token"])

    await _end(house, login, how)

    assert not await house.passes(body["access_token"])
    assert (await house.refresh("spa", body["refresh_token"])).error == "invalid_grant"
    assert (await house.userinfo(body["access_token"])).status == 401
    if how == "disabled":
        with house.admin() as admin:
            await admin.enable("ada")
        assert not await house.passes(body["access_token"])
        assert (await house.refresh("spa", body["refresh_token"])).error == "invalid_grant"


async def _end(house: House, login: Token, how: str) -> None:
    match how:
        case "logout" | "device":
            await house.here.end(login)
        case "denied":
            await house.acts.deny_until(login.tag, login.login, int(time.time()) + 3600)
        case "disabled":
            with house.admin() as admin:
                await admin.disable("ada")
        case _:
            with house.admin() as admin:
                await admin.set_password("ada", "another horse battery")


async def test_a_login_that_was_asked_for_with_no_credential_is_said_to_live(house: House, login: Token) -> None:
    """What codes and userinfo go by."""
    reply = await house.here.decisions.standing_of(house.presented(login))
    assert reply.outcome is Standing.UNKNOWN

    await house.here.end(login)

    assert (await house.here.decisions.standing_of(house.presented(login))).outcome is Standing.ENDED
