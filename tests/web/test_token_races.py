"""Whatever ends access in the moment in which tokens are made: once both are answered, nothing passes."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gateway.core.session.tokens import Token
from tests.web.oauth_house import Answered, House

ROUNDS = 8
End = Callable[[House, Token, dict[str, Any]], Awaitable[object]]


async def logged_out(house: House, login: Token, _body: dict[str, Any]) -> None:
    await house.here.end(login)


async def disabled(house: House, _login: Token, _body: dict[str, Any]) -> None:
    """And enabled again."""
    with house.admin() as admin:
        await admin.disable("ada")
        await admin.enable("ada")


async def revoked(house: House, _login: Token, body: dict[str, Any]) -> Answered:
    return await house.post("/oauth2/revoke", {"token": body["refresh_token"], "client_id": "spa"})


@pytest.mark.parametrize(
    ("end", "offline"),
    [(logged_out, False), (disabled, False), (revoked, False), (disabled, True), (revoked, True)],
    ids=lambda one: getattr(one, "__name__", "offline" if one else "of a login"),
)
async def test_a_refresh_beside_an_end_leaves_nothing_that_passes(house: House, end: End, offline: bool) -> None:
    for _ in range(ROUNDS):
        login = await house.here.log_in()
        body = (await house.exchange("spa", await house.code("spa", login, offline=offline))).body

        refreshed, *_ = await asyncio.gather(house.refresh("spa", body["refresh_token"]), end(house, login, body))

        assert refreshed.status in (200, 400), refreshed.body
        for one in (body, refreshed.body):
            if "access_token" in one:
                assert not await house.passes(one["access_token"])
                assert (await house.refresh("spa", one["refresh_token"])).error == "invalid_grant"


@pytest.mark.parametrize("end", [logged_out, disabled], ids=lambda end: end.__name__)
async def test_an_exchange_beside_an_end_leaves_nothing_that_passes(house: House, end: End) -> None:
    for _ in range(ROUNDS):
        login = await house.here.log_in()
        code = await house.code("spa", login)

        answered, _ = await asyncio.gather(house.exchange("spa", code), end(house, login, {}))

        assert answered.status in (200, 400), answered.body
        if answered.status == 200:
            assert not await house.passes(answered.body["access_token"])
            assert (await house.refresh("spa", answered.body["refresh_token"])).error == "invalid_grant"


async def test_all_kinds_of_acts_on_one_login_at_once_lock_nobody_out(house: House) -> None:
    """Person, login, grant, session: whoever takes two of these takes them in this order, or this is a deadlock."""
    login, chance = await house.here.log_in(), random.Random(7)
    grants = [await house.tokens("spa", login) for _ in range(5)]
    codes = [await house.code("spa", login) for _ in range(8)]
    used = await house.code("spa", login)
    await house.exchange("spa", used)
    acts: list[Awaitable[Answered]] = [
        *(house.exchange("spa", code) for code in codes),
        *(house.refresh("spa", one["refresh_token"]) for one in grants),
        *(revoked(house, login, one) for one in grants[:3]),
        *(house.exchange("spa", used, code_verifier="x" * 43) for _ in range(2)),
        *(house.userinfo(one["access_token"]) for one in grants),
    ]
    chance.shuffle(acts)

    answers = await asyncio.gather(*acts)

    assert {one.status for one in answers} <= {200, 400, 401}, [one.body for one in answers if one.status > 401]
    assert await house.live_grants() <= 5


@pytest.mark.parametrize("path", ["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"])
async def test_without_postgres_the_endpoints_say_so(house: House, path: str) -> None:
    login = await house.here.log_in()
    body = await house.tokens("wiki", login)
    await house.pool.close()
    form = {
        "client_id": "wiki",
        "client_secret": "correct horse battery staple, longer",
        "token": body["access_token"],
        "grant_type": "refresh_token",
        "refresh_token": body["refresh_token"],
    }

    answered = await house.post(path, form)

    assert (answered.status, answered.error) == (503, "temporarily_unavailable")
    assert (await house.userinfo(body["access_token"])).status == 503
