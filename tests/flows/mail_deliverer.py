"""A process that writes and delivers mail until it is killed: python -m tests.flows.mail_deliverer DATABASE PORT USER.

It prints the id of each mail once the act that wrote it is committed.
"""

import asyncio
import sys
import time
from uuid import UUID, uuid4

import asyncpg

from gateway.core.mail.kinds import MailKind
from gateway.core.mail.letter import Letterhead, Mail
from gateway.core.outbox.kinds import MessageKind, Pauses
from gateway.flows.act import Acts
from gateway.flows.mail.post import HandOver, MailPost
from gateway.flows.operate.delivery import Delivery
from gateway.outbound.smtp import MailServer
from gateway.stores.postgres.vault import Vault
from tests.acting import acts_of

HEAD = Letterhead("Bastion", "auth@example.com", "https://auth.example.com")
LEASE_S = 1.0


def delivery_of(
    acts: Acts, hand_over: HandOver, pauses: Pauses | None = None, lane: MessageKind = MessageKind.MAIL
) -> Delivery:
    post = MailPost(acts, lane, HEAD, hand_over)
    pauses = pauses or Pauses(0.01, 0.01)
    return Delivery(
        acts.pool, lane, post.send, lambda _: None, pauses, post.read, post.bury, lease_s=LEASE_S, poll_s=0.01
    )


def mail_server(port: int) -> MailServer:
    return MailServer("127.0.0.1", port, "none", "", "", 5, "auth.example.com")


async def write(
    acts: Acts, user_id: UUID, mail_id: str, lane: MessageKind = MessageKind.MAIL, worth_s: float = 600
) -> None:
    """As an act does that tells its person."""
    mail = Mail(mail_id, "ada@example.org", MailKind.TEST, int(time.time()))
    async with acts.begin() as act:
        await act.mails.add(lane, user_id, mail.written(), act.now, worth_s)


async def main(database_url: str, port: int, user_id: UUID, vault: Vault | None = None) -> None:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=4) as pool, asyncio.TaskGroup() as group:
        acts = acts_of(pool, vault=vault)
        for _ in range(2):
            group.create_task(delivery_of(acts, mail_server(port).send).run())
        while True:
            mail_id = uuid4().hex
            await write(acts, user_id, mail_id)
            print(mail_id, flush=True)
            await asyncio.sleep(0.005)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), UUID(sys.argv[3])))
