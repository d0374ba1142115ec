"""Endpoints and their receivers."""

from collections.abc import AsyncIterator

import pytest

from gateway.core.privacy.sealing import MasterKeys
from gateway.stores.postgres.vault import Vault
from tests.conftest import Pool, RandomBytes
from tests.receiver import Receiver, receiving
from tests.webhooks.house import WebhookHouse, house_of


@pytest.fixture
def house(pool: Pool) -> WebhookHouse:
    return house_of(pool, Vault(MasterKeys([b"m" * 32]), b"i" * 32, RandomBytes()))


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def other_receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver
