"""What tests of erasures look at."""

import asyncio
from uuid import UUID

from gateway.flows.privacy.erasure import Certificate, Erasure, Unfinished
from tests.conftest import Pool

WORDS = (b"lovelace", b"example.org", b"203.0.113.7")


async def everything(pool: Pool) -> bytes:
    """Each row of each table, with bytea as it is and in hexadecimal digits."""
    async with pool.acquire() as connection:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        found = list[bytes]()
        for table in tables:
            for row in await connection.fetch(f'SELECT * FROM "{table[0]}"'):
                found += [value if isinstance(value, bytes) else str(value).encode() for value in row.values()]
    return b"\n".join(found).lower()


async def finished(erasure: Erasure, user_id: UUID) -> Certificate:
    """As the command and the leader do it: again while autovacuum still sees the key, or has its table."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await erasure.finish(user_id)
            except Unfinished:
                await asyncio.sleep(0.1)
