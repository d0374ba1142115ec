"""Compares the tables with what the audit log tells of them."""

import asyncpg

from gateway.core.audit.cross_check import Fold, differences
from gateway.flows.transaction import transaction
from gateway.stores.postgres.audit import Chain
from gateway.stores.postgres.cross_check import rows_told


async def cross_check(pool: "asyncpg.Pool[asyncpg.Record]") -> list[str]:
    """Each row that differs, in words. Log and tables are seen as they were at one moment, entries without a link too.

    Raises RecordUnavailable, or NotAllowed where the role may read the log only.
    """
    fold = Fold()
    async with transaction(pool, snapshot=True) as connection:
        chain = Chain(connection)
        async for links in chain.links():
            fold.hear(one.entry for one in links)
        fold.hear(await chain.waiting())
        found = await rows_told(connection)
    return list(differences(fold, found))
