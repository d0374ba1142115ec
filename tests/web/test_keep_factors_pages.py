"""The notice of a factor reset has a link that stops it: for a person who types the name, and for no scanner."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from gateway.core.mail.kinds import MailKind
from gateway.flows.people.factor_admin import FactorAdmin
from gateway.flows.people.factor_resets import FactorRemoval, FactorResets
from tests.attacks.phones import enrol, signed_in
from tests.conftest import Pool
from tests.core.forward.setting import KEYS
from tests.web.recovery_house import Recovering, recovering_at


@pytest.fixture
async def recovering(pool: Pool, redis: Redis, redis_url: str, tmp_path: Path) -> AsyncIterator[Recovering]:
    async with recovering_at(pool, redis, redis_url, tmp_path) as recovering:
        yield recovering


async def announced(recovering: Recovering) -> tuple[FactorAdmin, str]:
    house = recovering.house
    await enrol(house, await signed_in(house, "ada"))
    admin = FactorAdmin(house.acts, KEYS, house.there.random, recovering.notices, "cli:root")
    assert await admin.announce("ada", "phone lost")
    return admin, await recovering.link(MailKind.FACTOR_RESET_ANNOUNCED)


async def pass_a_day(recovering: Recovering, admin: FactorAdmin) -> int:
    """As if the notice had left; how many factors are left."""
    house = recovering.house
    resets = FactorResets(house.acts, FactorRemoval(KEYS, admin.notices))
    await house.pool.execute("UPDATE outbox SET state = 'done', done_at = to_timestamp($1)", house.there.now)
    await resets.work()
    house.there.now += 86_400
    await resets.work()
    return len((await admin.show("ada")).factors)


async def test_the_person_keeps_their_factors_without_signing_in(recovering: Recovering) -> None:
    admin, link = await announced(recovering)

    done = await recovering.post(link, name="ada@example.org")

    assert done[:2] == (303, "/keep-factors/done")
    assert "Your second factors stay" in (await recovering.get("/keep-factors/done"))[1]
    assert (await recovering.get(link))[0] == 410
    assert await pass_a_day(recovering, admin) == 1
    assert await recovering.details("factor_reset_stopped") == ['{"why":"by_person"}']


async def test_a_scanner_and_another_person_stop_nothing(recovering: Recovering) -> None:
    admin, link = await announced(recovering)

    for fields in ({}, {"name": ""}, {"name": "bob"}):
        assert (await recovering.get(link))[0] == 200
        assert (await recovering.post(link, **fields))[0] == 400

    assert await pass_a_day(recovering, admin) == 0
    assert (await recovering.post(link, name="ada"))[0] == 410, "it has happened"
