"""Decisions on real stores: a miss is filled from Postgres, what ended stays ended, and a flood reaches nobody."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from gateway.core.assurance.model import by_password
from gateway.core.forward.answer import Answer
from gateway.core.forward.request import read_request
from gateway.core.session.person import Person, seal
from gateway.core.session.tokens import Token, credential_of, mint
from gateway.flows.decide.refill import WAITING, FillOutcome
from gateway.stores.postgres.logins import Logins
from gateway.stores.postgres.users import Users
from gateway.stores.redis.wire import login_key, person_key
from gateway.waiting import answer_of
from tests.conftest import Pool
from tests.core.forward.setting import KEYS, headers_of
from tests.deciding import ADA, HOST, Deciding, counting, deciding

EVE = UUID(int=2)


@pytest.fixture
async def here(pool: Pool, redis: Redis, redis_url: str) -> AsyncIterator[Deciding]:
    await redis.ping()
    async with deciding(pool, redis_url, int(time.time())) as made:
        await made.add_person()
        yield made


async def ask(here: Deciding, token: Token | None, path: str = "/x", host: str = HOST, request_id: str = "") -> Answer:
    """request_id: of the proxy, where it asks once more."""
    sent = {
        b"host": host.encode(),
        b"x-request-id": (request_id or str(uuid4())).encode(),
        b"x-forwarded-method": b"GET",
        b"x-forwarded-uri": path.encode(),
        b"x-forwarded-host": host.encode(),
        b"x-forwarded-proto": b"https",
        b"x-forwarded-for": b"198.51.100.7",
    }
    if token is not None:
        sent[b"cookie"] = f"__Host-bastion={token.text}".encode()
    return await answer_of(lambda waiter: here.decisions.start(read_request(sent.items()), waiter))


async def test_a_session_that_redis_never_heard_of_is_let_in(here: Deciding) -> None:
    token = await here.log_in()

    first, second = await ask(here, token), await ask(here, token)

    assert (first.status, second.status) == (200, 200)
    assert headers_of(first)["Remote-User"] == "ada"
    assert here.fills == [FillOutcome.FILLED]


async def test_many_requests_at_once_ask_postgres_once(here: Deciding) -> None:
    token = await here.log_in()

    answers = await asyncio.gather(*(ask(here, token) for _ in range(100)))

    assert {answer.status for answer in answers} == {200}
    assert len(here.fills) == 1


async def test_all_sessions_of_a_login_ask_postgres_once(here: Deciding) -> None:
    first = await here.log_in()
    others = [mint(KEYS.mac, first.tag, first.login_id, here.random(32)) for _ in range(4)]
    async with here.pool.acquire() as connection:
        logins = Logins(connection, here.vault)
        for token in others:
            assert await logins.add_session(
                first.login_id, HOST, credential_of(HOST, token), by_password(here.now), here.now
            )

    answers = await asyncio.gather(*(ask(here, token) for token in (first, *others)))

    assert {answer.status for answer in answers} == {200}
    assert len(here.fills) == 1


async def test_more_refills_than_may_wait_are_turned_away_and_pass_the_next_time(here: Deciding) -> None:
    tokens = [await here.log_in() for _ in range(WAITING + 10)]

    first = [answer.status for answer in await asyncio.gather(*(ask(here, token) for token in tokens))]
    second = [answer.status for answer in await asyncio.gather(*(ask(here, token) for token in tokens))]

    assert (first.count(200), first.count(503)) == (WAITING, 10)
    assert set(second) == {200}


async def test_a_limit_of_another_slot_is_spent_once_by_a_request_that_redis_did_not_know(here: Deciding) -> None:
    """The address may once a minute: what the first try spent lets the second one through."""
    token = await here.log_in()

    first, second = await ask(here, token, "/door/x"), await ask(here, token, "/door/x")

    assert (first.status, second.status) == (200, 429)
    assert here.fills == [FillOutcome.FILLED]


@pytest.mark.parametrize("signed_in", [True, False])
async def test_a_page_of_900_thumbnails_is_within_the_usual_limits(here: Deciding, signed_in: bool) -> None:
    """Two seconds: each of them is asked."""
    token = await here.log_in() if signed_in else None
    path = "/x" if signed_in else "/open/x"

    statuses = [(await ask(here, token, path)).status for _ in range(900)]

    assert set(statuses) == {200}


@pytest.mark.parametrize(("path", "signed_in"), [("/strictly/x", True), ("/door/x", True), ("/door/x", False)])
async def test_a_request_that_the_proxy_sends_twice_pays_once(here: Deciding, path: str, signed_in: bool) -> None:
    """Its answer was lost; another request of the same sender finds the budget spent (threats.md R4)."""
    token = await here.log_in() if signed_in else None
    first = await ask(here, token, path, request_id="11111111-aaaa")

    again = await ask(here, token, path, request_id="11111111-aaaa")
    other = await ask(here, token, path, request_id="11111111-bbbb")
    once_more = await ask(here, token, path, request_id="11111111-aaaa")

    assert first.status == (200 if signed_in else 401)
    assert again.status == first.status
    assert (other.status, once_more.status) == (429, 429)


async def test_an_ended_login_is_out_and_postgres_is_asked_once(here: Deciding) -> None:
    token = await here.log_in()
    assert (await ask(here, token)).status == 200

    await here.end(token)

    assert [(await ask(here, token)).status for _ in range(5)] == [401] * 5
    assert here.fills == [FillOutcome.FILLED]


async def test_a_crash_between_postgres_and_redis_heals_when_redis_asks_again(here: Deciding, redis: Redis) -> None:
    token = await here.log_in()
    async with here.pool.acquire() as connection:
        await connection.execute("UPDATE logins SET ended_at = 1, ended_why = 'logout'")

    await redis.flushall()

    assert (await ask(here, token)).status == 401


async def test_idle_counts_from_what_postgres_knows(here: Deciding, redis: Redis) -> None:
    token = await here.log_in(idle_s=900)
    async with here.pool.acquire() as connection:
        await connection.execute("UPDATE logins SET last_seen_at = $1", here.now - 901)
    expired = await ask(here, token)
    await redis.flushall()
    async with here.pool.acquire() as connection:
        await connection.execute("UPDATE logins SET last_seen_at = $1", here.now - 890)

    assert (expired.status, (await ask(here, token)).status) == (401, 200)


async def test_who_was_active_while_postgres_was_away_stays_in_when_only_the_person_is_read_anew(
    here: Deciding,
) -> None:
    """Postgres has not heard of them for longer than idle; Redis has, and judges."""
    token = await here.log_in(idle_s=900)
    assert (await ask(here, token)).status == 200
    async with here.pool.acquire() as connection:
        await connection.execute("UPDATE logins SET last_seen_at = $1", here.now - 901)

    await here.revocations.stale_person(token.tag)

    assert (await ask(here, token)).status == 200


async def test_a_disabled_person_and_a_lost_group_are_out(here: Deciding) -> None:
    token = await here.log_in()
    assert (await ask(here, token)).status == 200

    async with here.pool.acquire() as connection:
        await Users(connection, here.vault).set_groups(ADA, ("guests",), here.now)
    await here.revocations.stale_person(token.tag)
    without_group = await ask(here, token)
    async with here.pool.acquire() as connection:
        await Users(connection, here.vault).set_state(ADA, "disabled", here.now)
    await here.revocations.stale_person(token.tag)

    assert (without_group.status, (await ask(here, token)).status) == (403, 401)


async def test_each_part_of_a_cookie_carries_weight(here: Deciding) -> None:
    token = await here.log_in()
    await here.add_person(EVE, "eve")
    eves = await here.log_in(EVE)
    forged = mint(KEYS.mac, token.tag, token.login_id, b"x" * 32)
    crossed = mint(KEYS.mac, eves.tag, token.login_id, b"s" * 32)

    assert (await ask(here, token)).status == 200
    assert (await ask(here, forged)).status == 401
    assert (await ask(here, crossed)).status == 401
    assert (await ask(here, token, host="other.example.org")).status == 401
    assert (await ask(here, replace(token, text=token.text[:-1] + "x"))).status == 401


async def test_a_session_of_one_host_opens_no_other_under_the_same_wildcard(here: Deciding) -> None:
    """Each of them opens its own, before the other is asked and after (threats.md H2)."""
    hosts = ("a.team.example.org", "b.team.example.org")
    tokens = [await here.log_in(host=host) for host in hosts]

    asked = [[(await ask(here, token, host=host)).status for host in hosts] for token in tokens * 2]

    assert asked == [[200, 401], [401, 200]] * 2


async def test_a_flood_of_made_up_cookies_reaches_no_store(here: Deciding, redis: Redis) -> None:
    assert (await ask(here, None, "/get")).status == 401
    forged = [mint(b"x" * 32, "t" * 16, here.random(16), here.random(32)) for _ in range(500)]

    async with counting(here, redis) as asked:
        answers = await asyncio.gather(*(ask(here, token, "/get") for token in forged))
        calls = await asked()

    assert {answer.status for answer in answers} <= {401, 429}
    assert here.fills == []
    assert calls <= 500, "the address's own limit, and nothing else"


async def test_a_library_that_redis_lost_is_loaded_once_by_a_thousand_requests(here: Deciding, redis: Redis) -> None:
    await ask(here, None)
    await redis.function_flush()
    await redis.config_resetstat()

    answers = await asyncio.gather(*(ask(here, None, "/open/x") for _ in range(500)))

    assert {answer.status for answer in answers} == {200}
    assert (await redis.info("commandstats"))["cmdstat_function|load"]["calls"] == 1


async def test_a_record_that_somebody_wrote_into_redis_is_nobody(here: Deciding, redis: Redis) -> None:
    token = await here.log_in()
    assert (await ask(here, token)).status == 200
    record = await redis.get(person_key(token.tag))
    assert isinstance(record, bytes)
    root = Person(ADA, "root", "", "", ("staff", "admins"), 9)

    await redis.set(person_key(token.tag), record[:21] + seal(b"x" * 32, token.tag, root, b"n" * 12))

    assert (await ask(here, token)).status == 503


@asynccontextmanager
async def slow_postgres(here: Deciding) -> AsyncIterator[None]:
    """Who reads people waits until this is over."""
    async with here.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        yield


async def become_due(redis: Redis, token: Token) -> None:
    """As a minute does it."""
    await redis.setrange(login_key(token.tag, token.login), 17, b"\1\0\0\0")


async def test_a_confirmation_is_done_however_many_refills_wait(here: Deciding, redis: Redis) -> None:
    token = await here.log_in()
    assert (await ask(here, token)).status == 200
    async with here.pool.acquire() as connection:
        await connection.execute("UPDATE logins SET last_seen_at = last_seen_at - 100")
    strangers = [await here.log_in() for _ in range(WAITING)]
    await become_due(redis, token)

    async with slow_postgres(here):
        waiting = [asyncio.create_task(ask(here, one)) for one in strangers]
        await asyncio.sleep(0.1)
        assert (await ask(here, token)).status == 200
    await asyncio.gather(*waiting)
    await here.quiet()

    async with here.pool.acquire() as connection:
        seen = await connection.fetchval("SELECT last_seen_at FROM logins WHERE id = $1", token.login_id)
    assert seen >= here.now - 10
    assert here.fills.count(FillOutcome.FILLED) == WAITING + 2


async def test_what_becomes_due_again_before_it_was_confirmed_is_confirmed_once(here: Deciding, redis: Redis) -> None:
    """The later lease took the earlier one's place, so a confirmation with the earlier would write nothing."""
    tokens = [await here.log_in() for _ in range(3)]
    for token in tokens:
        assert (await ask(here, token)).status == 200
        await become_due(redis, token)

    async with slow_postgres(here):
        for token in tokens:  # two are being confirmed, the third waits for its turn
            await ask(here, token)
        await asyncio.sleep(0.1)
        await become_due(redis, tokens[2])
        await ask(here, tokens[2])
    await here.quiet()

    assert here.fills == [FillOutcome.FILLED] * 6


async def test_without_postgres_who_is_in_stays_and_a_stranger_to_redis_waits(here: Deciding) -> None:
    inside, outside = await here.log_in(), await here.log_in()
    assert (await ask(here, inside)).status == 200

    await here.pool.close()

    assert (await ask(here, inside)).status == 200
    assert (await ask(here, outside)).status == 503
    assert here.lost == ["postgres"]


async def test_a_row_that_cannot_be_read_lets_nobody_in_and_stops_nobody_else(here: Deciding) -> None:
    await here.add_person(EVE, "eve")
    broken, whole = await here.log_in(), await here.log_in(EVE)
    async with here.pool.acquire() as connection:
        await connection.execute("UPDATE users SET sealed = 'x' WHERE id = $1", ADA)

    assert (await ask(here, broken)).status == 503
    assert (await ask(here, whole)).status == 200


async def test_decisions_during_a_logout_never_pass_after_it(here: Deciding) -> None:
    token = await here.log_in()
    after: list[int] = []
    over = asyncio.Event()

    async def proxy() -> None:
        for _ in range(150):
            ended = over.is_set()
            answer = await ask(here, token)
            if ended:
                after.append(answer.status)

    async def leave() -> None:
        await asyncio.sleep(0.02)
        await here.end(token)
        over.set()

    await asyncio.gather(*(proxy() for _ in range(20)), leave())

    assert len(after) > 100
    assert 200 not in after


async def test_authenticate_says_who_is_signed_in_on_the_auth_host(here: Deciding) -> None:
    token = await here.log_in(host="auth.example.org")

    live = await here.decisions.authenticate(token.text, "auth.example.org")
    elsewhere = await here.decisions.authenticate(token.text, HOST)
    await here.end(token)

    assert live is not None
    assert live.person.username == "ada"
    assert elsewhere is None
    assert await here.decisions.authenticate(token.text, "auth.example.org") is None
    assert await here.decisions.authenticate("garbage", "auth.example.org") is None


async def test_a_login_is_named_to_flows_as_the_stores_know_it(here: Deciding) -> None:
    token = await here.log_in(host="auth.example.org")
    forged = mint(b"another key", token.tag, token.login_id, b"s" * 32)

    live = await here.decisions.authenticate(token.text, "auth.example.org")

    assert live is not None
    assert (live.token.tag, live.token.login_id) == (token.tag, token.login_id)
    assert live.token.credential == credential_of("auth.example.org", token)
    assert await here.decisions.authenticate(forged.text, "auth.example.org") is None


async def test_a_login_of_another_person_is_not_filled_under_this_tag(here: Deciding, redis: Redis) -> None:
    """Should a key ever leak, a login id alone still moves nobody into another person's slot."""
    await here.add_person(EVE, "eve")
    eves = await here.log_in(EVE)
    token = await here.log_in()
    crossed = mint(KEYS.mac, token.tag, eves.login_id, b"s" * 32)

    assert (await ask(here, crossed)).status == 401
    assert await redis.get(login_key(token.tag, crossed.login)) == b"X"
