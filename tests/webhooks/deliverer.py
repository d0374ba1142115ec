"""A process that writes and delivers events until it is killed: python -m tests.webhooks.deliverer DATABASE."""

import asyncio
import sys

import asyncpg

from gateway.core.privacy.sealing import MasterKeys
from gateway.stores.postgres.vault import Vault
from tests.conftest import RandomBytes
from tests.webhooks.house import house_of

LEASE_S = 0.5


async def main(database_url: str) -> None:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=4) as pool, asyncio.TaskGroup() as group:
        house = house_of(pool, Vault(MasterKeys([b"m" * 32]), b"i" * 32, RandomBytes()))
        for _ in range(2):
            group.create_task(house.delivery(lease_s=LEASE_S).run())
        while True:
            await house.fail_logins(1)
            await house.follow.work()
            await asyncio.sleep(0.002)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
