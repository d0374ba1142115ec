"""A process that writes and delivers messages until it is killed: python -m tests.flows.deliverer DATABASE RECEIVER."""

import asyncio
import sys

import asyncpg

from gateway.core.outbox.kinds import MessageKind, Pauses
from gateway.flows.operate.delivery import Delivery
from gateway.outbound.webhook import Webhook
from gateway.stores.postgres.outbox import Outbox

DESTINATION = "somewhere"
LEASE_S = 0.5


async def main(database_url: str, receiver_url: str) -> None:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=4) as pool, asyncio.TaskGroup() as group:
        post = Webhook(receiver_url, "", 5).post
        for _ in range(2):
            delivery = Delivery(
                pool,
                MessageKind.CHECKPOINT,
                post,
                lambda _outcome: None,
                Pauses(0.01, 0.01),
                lease_s=LEASE_S,
                poll_s=0.01,
            )
            group.create_task(delivery.run())
        while True:
            async with pool.acquire() as connection, connection.transaction():
                last = await connection.fetchval("SELECT coalesce(max(position), 0) FROM outbox")
                await Outbox(connection).add(MessageKind.CHECKPOINT, DESTINATION, last + 1, f"{last + 1}".encode())
            await asyncio.sleep(0.002)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
