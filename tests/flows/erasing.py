"""What tests of erasures look at."""

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
