"""An operator sees what waits to leave, and what could not; and never what is in it."""

from gateway.core.outbox.kinds import MessageKind
from gateway.stores.postgres.outbox import Outbox
from tests.cli.conftest import Bastion
from tests.conftest import Pool


async def test_an_operator_sees_what_waits_and_has_a_dead_letter_delivered_once_more(
    bastion: Bastion, pool: Pool
) -> None:
    empty = await bastion("outbox", "list")
    async with pool.acquire() as connection:
        outbox = Outbox(connection)
        for position in (1, 2):
            await outbox.add(MessageKind.CHECKPOINT, "audit.checkpoint_webhook/key", position, b"what is sent")
        await outbox.bury_oldest("audit.checkpoint_webhook/key", 1, "superseded: newer ones vouch for it")

    listed = await bastion("outbox", "list", "--kind", "checkpoint")
    (dead,) = (await bastion("outbox", "list", "--dead")).out.splitlines()
    retried = await bastion("outbox", "retry", dead.split()[0])
    no_more = await bastion("outbox", "list", "--dead")

    assert empty.out == "Nothing is waiting, and there are no dead letters.\n"
    assert len(listed.out.splitlines()) == 2
    assert "checkpoint   waiting   audit.checkpoint_webhook/key #2   0 tries, next try " in listed.out.splitlines()[0]
    assert dead.endswith("0 tries, not tried any more   superseded: newer ones vouch for it")
    assert "what is sent" not in listed.out
    assert retried.out.startswith(f"Message {dead.split()[0]} is due now")
    assert no_more.out == "There are no dead letters.\n"


async def test_a_message_that_can_not_be_retried_says_why(bastion: Bastion, pool: Pool) -> None:
    async with pool.acquire() as connection:
        outbox = Outbox(connection)
        await outbox.add(MessageKind.CHECKPOINT, "somewhere", 1, b"x")
        sent = await outbox.claim(MessageKind.CHECKPOINT, 60)
        assert sent is not None
        on_its_way = await bastion("outbox", "retry", f"{sent.id}")
        await outbox.finish(sent)

    arrived = await bastion("outbox", "retry", f"{sent.id}")
    unknown = await bastion("outbox", "retry", "4711")
    nonsense = await bastion("outbox", "retry", "dead")

    assert (on_its_way.status, arrived.status, unknown.status, nonsense.status) == (1, 1, 1, 2)
    assert "is being sent right now" in on_its_way.err
    assert "has arrived already" in arrived.err
    assert "there is no message 4711; see `bastion outbox list`" in unknown.err
