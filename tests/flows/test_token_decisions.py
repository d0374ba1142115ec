"""Tokens against real stores: what lives, what ends them, and how often a store is asked."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from gateway.core.assurance.model import by_password
from gateway.core.base64url import b64
from gateway.core.forward.answer import Answer
from gateway.core.forward.request import read_request
from gateway.core.oauth.grants import client_tag
from gateway.core.session.tokens import Token
from gateway.core.token.access import grant_credential
from gateway.flows.decide.refill import FillOutcome
from gateway.stores.postgres.grants import NewGrant
from gateway.waiting import answer_of
from tests.conftest import Pool
from tests.core.forward.setting import ADA, KEYS, headers_of
from tests.core.forward.tokens import HOST, PROVER, TOKENS, error_of, issue, prove
from tests.deciding import Deciding, counting, deciding

GRANT_ID: Final = b"g" * 16


@pytest.fixture
async def here(pool: Pool, redis: Redis, redis_url: str) -> AsyncIterator[Deciding]:
    assert await redis.dbsize() == 0
    async with deciding(pool, redis_url, int(time.time()), context=TOKENS) as made:
        await made.add_person()
        yield made


@dataclass(frozen=True)
class App:
    """A grant of ada's login, and its tokens. grant_id: whose tokens they are."""

    here: Deciding
    login: Token
    grant_id: bytes = GRANT_ID

    @classmethod
    async def of(cls, here: Deciding, idle_s: int = 1800) -> "App":
        app = cls(here, await here.log_in(host=HOST, idle_s=idle_s))
        async with here.acts.begin() as act:
            await act.logins.add_session(
                app.login.login_id, "client:spa", grant_credential(GRANT_ID), by_password(here.now), here.now
            )
            act.stales_login(app.login.tag, app.login.login)
        return app

    def token(self, jkt: str = "", **changes: object) -> str:
        whose = {"tag": self.login.tag, "record": self.login.login_id, "credential": grant_credential(self.grant_id)}
        return issue(**{**whose, "now": self.here.now, "jkt": jkt, **changes})  # type: ignore[arg-type]  # of issue()

    async def call(self, **changes: object) -> Answer:
        return await call(self.here, f"Bearer {self.token(**changes)}")  # type: ignore[arg-type]  # of token()


async def call(
    here: Deciding, authorization: str, proof: str = "", session: Token | None = None, request_id: str = ""
) -> Answer:
    sent = {
        "host": HOST,
        "x-request-id": request_id or str(uuid4()),
        "x-forwarded-method": "GET",
        "x-forwarded-uri": "/x",
        "x-forwarded-host": HOST,
        "x-forwarded-proto": "https",
        "x-forwarded-for": "198.51.100.7",
        "x-bastion-snippet": "2;;",
    }
    sent |= {"authorization": authorization} if authorization else {}
    sent |= {"dpop": proof} if proof else {}
    sent |= {"cookie": f"__Host-bastion={session.text}"} if session is not None else {}
    request = read_request((name.encode(), value.encode()) for name, value in sent.items())
    return await answer_of(lambda waiter: here.decisions.start(request, waiter))


async def test_a_token_that_redis_never_heard_of_is_let_in_as_its_person(here: Deciding) -> None:
    app = await App.of(here)

    answers = [await app.call(), await app.call()]

    assert [one.status for one in answers] == [200, 200]
    assert headers_of(answers[0])["Remote-User"] == "ada"
    assert here.fills == [FillOutcome.FILLED]


async def test_redis_emptied_every_token_goes_on(here: Deciding, redis: Redis) -> None:
    app = await App.of(here)
    assert (await app.call()).status == 200

    await redis.flushall()

    assert (await app.call()).status == 200


async def _log_out(app: App) -> None:
    await app.here.end(app.login)


async def _end_grant(app: App) -> None:
    async with app.here.acts.begin() as act:
        await act.logins.remove_session(app.login.login_id, grant_credential(GRANT_ID))
        act.stales_login(app.login.tag, app.login.login)


async def _disable(app: App) -> None:
    async with app.here.acts.begin() as act:
        for ended in await act.logins.end_all(ADA, "person disabled", act.now):
            act.ends("login", app.login.tag, b64(ended))


ENDINGS: Final[dict[str, Callable[[App], Awaitable[None]]]] = {
    "logout": _log_out,
    "the grant ended": _end_grant,
    "all logins ended": _disable,
}


@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)
@pytest.mark.parametrize("warm", [True, False], ids=["known to Redis", "unknown to Redis"])
async def test_after_the_end_no_token_passes(here: Deciding, end: Callable[[App], Awaitable[None]], warm: bool) -> None:
    app = await App.of(here)
    if warm:
        it = await app.call()
        assert (it.status, it.reason) == (200, "leg 2")

    await end(app)

    answers = [await app.call() for _ in range(3)]
    assert [(one.status, error_of(one)) for one in answers] == [(401, "invalid_token")] * 3


async def test_the_grant_of_another_app_of_the_same_login_is_another(here: Deciding) -> None:
    app = await App.of(here)

    assert (await replace(app, grant_id=b"h" * 16).call()).status == 401
    assert (await app.call(record=b"x" * 16)).status == 401
    assert (await app.call(tag="t" * 16)).status == 401
    assert (await app.call(kind="grant")).status == 401
    assert (await app.call()).status == 200


async def test_a_service_has_a_record_of_its_own(here: Deciding, redis: Redis) -> None:
    tag = client_tag(KEYS.tag, "batch")
    async with here.acts.begin() as act:
        grant, made = await act.grants.stand(
            GRANT_ID, "batch", ("notes.read",), f"https://{HOST}", here.now, most_s=3_600
        )
    grant_id = grant.id
    token = issue(
        tag=tag, kind="grant", record=grant_id, credential=grant_credential(grant_id), client="batch", subject="batch",
        scopes=["notes.read"], now=here.now,
    )  # fmt: skip

    elsewhere = issue(
        tag=client_tag(KEYS.tag, "other"), kind="grant", record=grant_id, credential=grant_credential(grant_id),
        client="batch", subject="batch", scopes=["notes.read"], now=here.now,
    )  # fmt: skip
    assert (await call(here, f"Bearer {elsewhere}")).status == 401
    before = await call(here, f"Bearer {token}")
    await redis.flushall()
    after_a_loss = await call(here, f"Bearer {token}")
    async with here.acts.begin() as act:
        await act.grants.end(grant_id, "revoked", act.now)
        act.ends("grant", tag, b64(grant_id))
    ended = await call(here, f"Bearer {token}")
    await redis.flushall()
    ended_after_a_loss = await call(here, f"Bearer {token}")

    assert made
    assert [before.status, after_a_loss.status, ended.status, ended_after_a_loss.status] == [200, 200, 401, 401]
    assert headers_of(before)["Remote-User"] == "client:batch"


async def test_a_grant_by_itself_is_not_one_of_a_login(here: Deciding) -> None:
    """A token that says so was not made for it, whatever signed it."""
    app = await App.of(here)
    until = here.now + 3_600
    grant = NewGrant(
        GRANT_ID, "spa", ADA, app.login.login_id, ("notes.read",), f"https://{HOST}", here.now, 0, ("pwd",), "", None,
        here.now, until, 3_600,
    )  # fmt: skip
    async with here.acts.begin() as act:
        await act.grants.add(grant)

    assert (await app.call(kind="grant", record=GRANT_ID)).status == 401
    assert (await app.call()).status == 200


async def test_a_proof_opens_once_and_only_with_a_nonce_of_ours(here: Deciding) -> None:
    app = await App.of(here)
    token = app.token(PROVER.verification.thumbprint)

    def proof(**claims: object) -> str:
        return prove(token, **{"iat": here.now, **claims})  # type: ignore[arg-type]  # claims, none of prove's own names

    asked = await call(here, f"DPoP {token}", proof(nonce=None))
    nonce = headers_of(asked)["DPoP-Nonce"]
    first = proof(nonce=nonce)
    answers = [await call(here, f"DPoP {token}", first, request_id="request-one") for _ in range(2)]
    replayed = await call(here, f"DPoP {token}", first, request_id="request-two")
    another = await call(here, f"DPoP {token}", proof(nonce=nonce, jti="another"))
    old = await call(here, f"DPoP {token}", proof(nonce=nonce, jti="old", iat=here.now - 3_600))
    bare = await call(here, f"Bearer {token}")

    assert (asked.status, error_of(asked)) == (401, "use_dpop_nonce")
    assert [one.status for one in answers] == [200, 200]
    assert (replayed.status, error_of(replayed)) == (401, "invalid_dpop_proof")
    assert another.status == 200
    assert old.status == 401
    assert (bare.status, error_of(bare)) == (401, "invalid_token")


async def test_a_decision_asks_redis_once_whatever_opens_it(here: Deciding, redis: Redis) -> None:
    app = await App.of(here)
    token = app.token(PROVER.verification.thumbprint)
    nonce = headers_of(await call(here, f"DPoP {token}", prove(token, iat=here.now, nonce=None)))["DPoP-Nonce"]

    async def bound_call(proof: str) -> Answer:
        return await call(here, f"DPoP {token}", proof)

    fills = len(here.fills)
    async with counting(here, redis) as asked:

        async def calls(count: int, ask: Callable[[int], Awaitable[Answer]], status: int) -> float:
            before = await asked()
            answers = [await ask(number) for number in range(count)]
            assert {one.status for one in answers} == {status}
            return (await asked() - before) / count

        assert await calls(5, lambda _: call(here, "", session=app.login), 200) == 1
        assert await calls(5, lambda _: call(here, "Basic YTpi", session=app.login), 200) == 1
        assert await calls(5, lambda _: app.call(), 200) == 1
        assert await calls(5, lambda n: bound_call(prove(token, iat=here.now, nonce=nonce, jti=f"{n}")), 200) == 1
        assert await calls(5, lambda n: call(here, f"Bearer {app.token()[:-9]}{n:09}", session=app.login), 401) == 0
        assert await calls(5, lambda n: bound_call(prove(token, jti=f"{n}", htm="POST")), 401) == 0
    assert len(here.fills) == fills


async def test_limits_of_a_route_without_any_are_of_the_grant(here: Deciding) -> None:
    """GENERAL.EXECUTE: the 601st in one instant, whichever token of the grant brings it."""
    app = await App.of(here)
    tokens = [f"Bearer {app.token(ttl_s=800 + number)}" for number in range(3)]
    allowed = 0
    for number in range(640):
        answer = await call(here, tokens[number % 3])
        if answer.status == 429:
            break
        allowed += 1

    assert 600 <= allowed < 640
    assert (await call(here, "", session=app.login)).status == 200
