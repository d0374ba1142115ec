"""Published documents under attack: answers without number, and two who publish at once."""

import asyncio

import pytest

from gateway.config.sections.limits import ANSWER_LIMIT, default_limits
from gateway.core.errors import TooManyChanges
from gateway.core.privacy.documents import BadDocument, DocumentAction, DocumentKind, PublishedDocument
from gateway.core.units import DAY_S
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.documents import DocumentAdmin, DocumentGate, OwnDocuments
from gateway.flows.people.throttle import ChangeThrottle
from gateway.stores.redis.buckets import Buckets
from tests.attacks.conftest import BUCKET_NAMES, House

WHERE = ("198.51.100.7", "Firefox")
WHICH = ("terms", "1", "en")


async def publish(house: House, version: str = "1") -> PublishedDocument:
    due = house.there.now + 10 * DAY_S
    return await DocumentAdmin(house.acts, "cli:root").publish(DocumentKind.TERMS, version, {"en": "text"}, due, None)


def own_of(house: House) -> OwnDocuments:
    """With the limit that Bastion comes with."""
    limit = default_limits()[ANSWER_LIMIT].limit(ANSWER_LIMIT)
    throttle = ChangeThrottle(Buckets(house.functions), BUCKET_NAMES, limit)
    return OwnDocuments(house.acts, DocumentGate(asks=True), throttle.before)


async def live_of(house: House, name: str) -> LiveLogin:
    await house.add(name)
    live = await house.live(await house.sign_in(name))
    assert live is not None
    return live


async def test_putting_off_again_and_again_fills_no_table(house: House) -> None:
    await publish(house)
    live, own = await live_of(house, "ada"), own_of(house)

    for waits_s in (0, 0, DAY_S - 1, 1, 0):
        house.there.now += waits_s
        await own.answer(live, WHICH, DocumentAction.PUT_OFF, WHERE, "")

    assert await house.pool.fetchval("SELECT count(*) FROM consent_records") == 2


async def test_a_person_answers_twenty_times_an_hour_and_the_next_one_is_told_when(house: House) -> None:
    """Accepting and withdrawing without end leaves so many records; nobody else waits for it."""
    await publish(house)
    ada, grace, own = await live_of(house, "ada"), await live_of(house, "grace"), own_of(house)

    for number in range(20):
        action = DocumentAction.WITHDRAWN if number % 2 else DocumentAction.ACCEPTED
        await own.answer(ada, WHICH, action, WHERE, "")
    with pytest.raises(TooManyChanges) as refused:
        await own.answer(ada, WHICH, DocumentAction.ACCEPTED, WHERE, "")
    await own.answer(grace, WHICH, DocumentAction.ACCEPTED, WHERE, "")

    assert 170 < refused.value.retry_after_s <= 180
    assert await house.pool.fetchval("SELECT count(*) FROM consent_records") == 21


async def test_a_retired_document_ends_its_kind_until_a_new_version_whoever_retires_an_old_one(house: House) -> None:
    """The three are published within a second, in no order of their names."""
    admin, own = DocumentAdmin(house.acts, "cli:root"), own_of(house)
    live = await live_of(house, "ada")
    for version in ("3", "1"):
        await publish(house, version)

    with pytest.raises(BadDocument, match="terms 3 was replaced by 1"):
        await admin.retire(DocumentKind.TERMS, "3")
    before = [one.document.version for one in await own.owed(live)]
    assert await admin.retire(DocumentKind.TERMS, "1")
    retired = list(await own.owed(live))
    assert not await admin.retire(DocumentKind.TERMS, "1")
    with pytest.raises(BadDocument, match="not in force"):
        await own.answer(live, ("terms", "3", "en"), DocumentAction.ACCEPTED, WHERE, "")
    await publish(house, "0")

    assert (before, retired) == (["1"], [])
    assert [one.document.version for one in await own.owed(live)] == ["0"]


async def test_of_two_who_publish_one_version_at_once_one_is_told(house: House) -> None:
    outcomes = await asyncio.gather(*(publish(house) for _ in range(4)), return_exceptions=True)

    assert sum(isinstance(one, PublishedDocument) for one in outcomes) == 1, outcomes
    assert sum(isinstance(one, BadDocument) for one in outcomes) == 3, outcomes
