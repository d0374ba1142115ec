"""Published documents under attack: answers without number, and two who publish at once."""

import asyncio

from gateway.core.privacy.documents import BadDocument, DocumentAction, DocumentKind, PublishedDocument
from gateway.core.units import DAY_S
from gateway.flows.documents import DocumentAdmin, DocumentGate, OwnDocuments
from tests.attacks.conftest import House

WHERE = ("198.51.100.7", "Firefox")
WHICH = ("terms", "1", "en")


async def publish(house: House) -> PublishedDocument:
    due = house.there.now + 10 * DAY_S
    return await DocumentAdmin(house.acts, "cli:root").publish(DocumentKind.TERMS, "1", {"en": "text"}, due, None)


async def test_putting_off_again_and_again_fills_no_table(house: House) -> None:
    await publish(house)
    await house.add("ada")
    live = await house.live(await house.sign_in("ada"))
    assert live is not None
    own = OwnDocuments(house.acts, DocumentGate(asks=True))

    for waits_s in (0, 0, DAY_S - 1, 1, 0):
        house.there.now += waits_s
        await own.answer(live, WHICH, DocumentAction.PUT_OFF, WHERE, "")

    assert await house.pool.fetchval("SELECT count(*) FROM consent_records") == 2


async def test_of_two_who_publish_one_version_at_once_one_is_told(house: House) -> None:
    outcomes = await asyncio.gather(*(publish(house) for _ in range(4)), return_exceptions=True)

    assert sum(isinstance(one, PublishedDocument) for one in outcomes) == 1, outcomes
    assert sum(isinstance(one, BadDocument) for one in outcomes) == 3, outcomes
