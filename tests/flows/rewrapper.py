"""A leader that wraps keys anew, slowly enough to be killed in the middle."""

import asyncio
import sys

import asyncpg

from gateway.core.privacy.sealing import MasterKeys
from gateway.flows.keys.master_rotation import MasterRotation
from gateway.stores.postgres.vault import Vault
from tests.acting import acts_of
from tests.conftest import Clock, RandomBytes


async def main(database_url: str) -> None:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=1) as pool:
        acts = acts_of(pool, Clock(), Vault(MasterKeys([b"n" * 32, b"o" * 32]), b"i" * 32, RandomBytes()))
        rotation = MasterRotation(acts)
        await rotation.follow()
        while await rotation._rewrap_some("user_keys"):
            await asyncio.sleep(0.3)
        await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
