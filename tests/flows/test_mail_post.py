"""Mail arrives at least once, with one Message-ID, while it is worth it; what is refused for good is a dead letter."""

import asyncio
import contextlib
import os
import random
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest

from gateway.core.outbox.kinds import MessageKind, Pauses
from gateway.core.privacy.sealing import BrokenSeal
from gateway.flows.act import Acts
from gateway.flows.mail.post import HandOver, into_directory
from gateway.flows.operate.delivery import OutboxKeeper
from gateway.metrics import Metrics
from gateway.outbound.undelivered import Undelivered
from gateway.stores.files.letters import LetterDirectory
from gateway.stores.postgres.outbox import Claimed, Outbox
from gateway.stores.postgres.users import NewUser
from tests.acting import acts_of
from tests.conftest import Pool
from tests.exhaustive import EXHAUSTIVE
from tests.flows.mail_deliverer import delivery_of, mail_server, write
from tests.mail_server import PostOffice, post_office
from tests.receiver import until

ROOT = Path(__file__).resolve().parents[2]
KILLS = 40 if EXHAUSTIVE else 3
ADA, EVE = UUID(int=1), UUID(int=2)


@pytest.fixture
async def acts(pool: Pool) -> Acts:
    acts = acts_of(pool)
    async with acts.begin() as act:
        for user_id, name in ((ADA, "ada"), (EVE, "eve")):
            await act.users.add(NewUser(user_id, name, "", f"{name}@example.org", (), ""), act.now)
    return acts


@asynccontextmanager
async def delivering(
    acts: Acts, hand_over: HandOver, pauses: Pauses | None = None, lane: MessageKind = MessageKind.MAIL
) -> AsyncIterator[None]:
    task = asyncio.create_task(delivery_of(acts, hand_over, pauses, lane).run())
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def states(pool: Pool) -> list[tuple[str, int, str]]:
    rows = await pool.fetch("SELECT state, tries, status FROM outbox ORDER BY id")
    return [(row["state"], row["tries"], row["status"]) for row in rows]


async def has_state(pool: Pool, state: str) -> None:
    async with asyncio.timeout(30):
        while (await states(pool))[0][0] != state:
            await asyncio.sleep(0.01)


async def test_mail_arrives_and_nothing_of_it_is_kept(pool: Pool, acts: Acts) -> None:
    await write(acts, ADA, "m1")
    before = await pool.fetchval("SELECT sealed FROM outbox")
    async with post_office() as office, delivering(acts, mail_server(office.port).send):
        (letter,) = await office.has(1)
        await has_state(pool, "done")

    assert letter["Message-ID"] == "<m1@example.com>"
    assert b"example.org" not in before
    assert await pool.fetchval("SELECT sealed FROM outbox") == b""


async def test_mail_of_an_act_that_fails_is_never_sent(pool: Pool, acts: Acts) -> None:
    class Failed(Exception):
        pass

    async def fail() -> None:
        async with acts.begin() as act:
            await act.mails.add(MessageKind.MAIL, ADA, "{}", act.now, 60)
            raise Failed

    with pytest.raises(Failed):
        await fail()

    assert await states(pool) == []


async def test_what_the_server_did_not_take_is_tried_again_with_the_same_message_id(pool: Pool, acts: Acts) -> None:
    await write(acts, ADA, "m1")
    async with post_office() as office, delivering(acts, mail_server(office.port).send):
        office.data = "451 4.7.1 greylisted"
        async with asyncio.timeout(30):
            while (await states(pool))[0][1] < 3:
                await asyncio.sleep(0.01)
        waiting = await states(pool)
        office.data = ""
        (letter,) = await office.has(1)

    assert waiting[0][0::2] == ("waiting", "the mail server refused the message: 451 4.7.1")
    assert letter["Message-ID"] == "<m1@example.com>"


async def test_a_server_that_takes_it_and_is_not_heard_gets_the_same_message_again(pool: Pool, acts: Acts) -> None:
    await write(acts, ADA, "m1")
    async with post_office() as office:
        heard = mail_server(office.port)

        async def deaf(message: object) -> None:
            await heard.send(message)  # type: ignore[arg-type]  # what Delivery hands over
            if len(office.letters) == 1:
                raise Undelivered("the connection was cut before the answer")

        async with delivering(acts, deaf):
            first, second = await office.has(2)
            await has_state(pool, "done")

    assert first["Message-ID"] == second["Message-ID"] == "<m1@example.com>"


async def test_a_dead_letter_is_told_once_an_hour_and_can_be_retried(pool: Pool, acts: Acts) -> None:
    await write(acts, ADA, "m1")
    await write(acts, ADA, "m2")
    async with post_office() as office, delivering(acts, mail_server(office.port).send):
        office.recipient = "550 5.1.1 <ada@example.org> unknown"
        async with asyncio.timeout(30):
            while [row[0] for row in await states(pool)] != ["dead", "dead"]:
                await asyncio.sleep(0.01)
        dead = await states(pool)
        office.recipient = ""
        async with pool.acquire() as connection:
            (message, *_) = await Outbox(connection).list(MessageKind.MAIL, ("dead",), 9)
            await Outbox(connection).retry(message.id)
        await office.has(1)

    assert {row[2] for row in dead} == {"the mail server refused the recipient: 550 5.1.1"}
    entries = await pool.fetch("SELECT subject, detail FROM audit_entries WHERE kind = 'delivery_dead'")
    assert [(row["subject"], row["detail"]) for row in entries] == [
        (ADA, f'{{"destination":"person/{ADA}","message":"mail"}}')
    ]


async def test_what_is_worthless_is_not_sent_any_more(pool: Pool, acts: Acts) -> None:
    await write(acts, ADA, "late", worth_s=0)
    await write(acts, ADA, "m1")
    async with post_office() as office, delivering(acts, mail_server(office.port).send):
        (letter,) = await office.has(1)
        await OutboxKeeper(pool, Metrics(1).slot(0)).purge()
        await has_state(pool, "done")

    assert letter["Message-ID"] == "<m1@example.com>"
    assert len(await states(pool)) == 1


async def test_a_flood_of_notices_before_a_code_does_not_hold_it_up(acts: Acts) -> None:
    """Each lane has its own tasks (login-defence.md X8)."""
    for number in range(50):
        await write(acts, ADA, f"n{number}", MessageKind.NOTICE)
    await write(acts, ADA, "code")
    stuck = asyncio.Event()

    async def hang(_message: object) -> None:
        stuck.set()
        await asyncio.Event().wait()

    async with (
        post_office() as office,
        delivering(acts, hang, lane=MessageKind.NOTICE),
        delivering(acts, mail_server(office.port).send),
    ):
        await asyncio.wait_for(stuck.wait(), 30)
        (letter,) = await office.has(1)

    assert letter["Message-ID"] == "<code@example.com>"


async def test_a_row_that_was_copied_to_another_person_opens_nothing(pool: Pool, acts: Acts) -> None:
    await write(acts, ADA, "m1")
    await pool.execute("UPDATE outbox SET user_id = $1", EVE)

    async with acts.begin() as act:
        claimed = await act.outbox.claim(MessageKind.MAIL, 60)
        assert isinstance(claimed, Claimed)
        with pytest.raises(BrokenSeal):
            await act.mails.open(claimed)


async def test_a_directory_takes_each_message_as_one_file(acts: Acts, tmp_path: Path) -> None:
    await write(acts, ADA, "m1")
    async with delivering(acts, into_directory(LetterDirectory(tmp_path / "mail"))):
        await until(lambda: any((tmp_path / "mail").glob("*.eml")))
        await write(acts, ADA, "m1")
        await write(acts, ADA, "m2")
        await until(lambda: len(list((tmp_path / "mail").glob("*.eml"))) == 2)

    assert all(b"To: ada@example.org" in file.read_bytes() for file in (tmp_path / "mail").iterdir())
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "mail").iterdir()} == {0o600}


async def test_pauses_grow_and_messages_that_failed_together_come_apart() -> None:
    pauses = Pauses(30, 3_600, 0.5)

    assert [pauses.after(tries) for tries in (1, 2, 3, 20)] == [30, 60, 120, 3_600]
    spread = {pauses.after(1, message_id) for message_id in range(16)}
    assert len(spread) == 16
    assert (min(spread), max(spread) <= 45) == (30, True)


async def test_whoever_is_killed_loses_no_mail_that_was_acknowledged(pool: Pool, acts: Acts, database_url: str) -> None:
    """Each process writes and delivers until kill -9. What it had leased arrives once more."""
    rng, acknowledged = random.Random(11), set[str]()
    async with post_office() as office:
        for _ in range(KILLS):
            acknowledged |= await killed(rng, database_url, office)
        async with delivering(acts, mail_server(office.port).send):
            async with asyncio.timeout(60):
                while await pool.fetchval("SELECT count(*) FROM outbox WHERE state = 'waiting'"):
                    await asyncio.sleep(0.02)

    arrived = [letter["Message-ID"][1:33] for letter in office.letters]
    written = await pool.fetchval("SELECT count(*) FROM outbox")
    assert acknowledged <= set(arrived)
    assert len(set(arrived)) == written, "nothing of an act that was not committed, and everything of the others"
    assert len(arrived) - written <= 2 * KILLS, "at most what was on its way at a kill comes twice"


async def killed(rng: random.Random, database_url: str, office: PostOffice) -> set[str]:
    """The ids that the process said it had committed."""
    heard = len(office.letters)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.flows.mail_deliverer", database_url, f"{office.port}", f"{ADA}",
        cwd=ROOT, stdout=PIPE,
    )  # fmt: skip
    await until(lambda: len(office.letters) > heard + 2)
    await asyncio.sleep(rng.uniform(0, 0.05))
    os.kill(process.pid, signal.SIGKILL)
    said, _ = await process.communicate()
    return {line.decode() for line in said.split(b"\n")[:-1] if b" " not in line}
