"""People hear what happened to their account, once, and no flood keeps from them what they can undo."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from gateway.core.mail.kinds import MailKind
from gateway.core.mail.letter import Mail
from gateway.core.mail.links import LinkKind, link_hash
from gateway.core.privacy.sealing import NOBODY
from gateway.flows.act import Acts
from gateway.flows.mail.notices import NO_FACTS, NO_NOTICES, NoticeFacts, NoticeKeeper, Notices
from gateway.flows.people.users import Newcomer
from gateway.stores.postgres.users import NewUser, UserRow
from tests.acting import acts_of
from tests.conftest import Clock, Pool, RandomBytes
from tests.flows.conftest import Stage
from tests.waiting_mail import text_of, waiting_mail

ADA = UUID(int=1)
DAY_S = 86_400
LIFETIMES = dict.fromkeys(LinkKind, 7 * DAY_S) | {LinkKind.RESET: 1800}
NOTICES = Notices(is_on=True, lifetimes_s=LIFETIMES, random=RandomBytes())
CAPPED = [kind for kind in MailKind if not kind.is_waited_for]
WAITED_FOR = [kind for kind in MailKind if kind.is_waited_for and kind is not MailKind.SIGN_IN_CODE]


@pytest.fixture
def acts(pool: Pool, clock: Clock) -> Acts:
    return acts_of(pool, clock)


@pytest.fixture
async def ada(acts: Acts) -> UserRow:
    async with acts.begin() as act:
        await act.users.add(NewUser(ADA, "ada", "Ada", "ada@example.org", (), ""), act.now)
        user = await act.users.find(ADA)
    assert user is not None
    return user


async def tell(acts: Acts, user: UserRow, kind: MailKind, facts: NoticeFacts = NO_FACTS) -> None:
    async with acts.begin() as act:
        await NOTICES.add(act, user, kind, facts)


async def test_a_notice_says_when_where_and_which_device(acts: Acts, ada: UserRow) -> None:
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

    await tell(acts, ada, MailKind.LOCKED, NoticeFacts("203.0.113.7", agent, more=(("App", "Wiki"),)))

    (mail,) = await waiting_mail(acts)
    assert (mail.to, mail.kind) == ("ada@example.org", MailKind.LOCKED)
    assert "When: 2026-09-21 14:13 UTC\nDevice: Firefox on Linux\nAddress: 203.0.113.7\nApp: Wiki\n" in text_of(mail)


@pytest.mark.parametrize("kind", CAPPED)
async def test_of_a_kind_and_a_device_one_goes_out_in_an_hour(
    acts: Acts, ada: UserRow, clock: Clock, kind: MailKind
) -> None:
    clock.now -= clock.now % 3600
    for device in (b"a", b"b", b"a"):
        await tell(acts, ada, kind, NoticeFacts(device=device))
    clock.advance(3599)
    await tell(acts, ada, kind, NoticeFacts(device=b"a"))
    in_the_hour = len(await waiting_mail(acts))
    clock.advance(1)
    await tell(acts, ada, kind, NoticeFacts(device=b"a"))

    assert (in_the_hour, len(await waiting_mail(acts))) == (2, 3)


async def test_after_twenty_in_a_day_a_digest_tells_the_others(acts: Acts, ada: UserRow, clock: Clock) -> None:
    keeper = NoticeKeeper(acts, NOTICES)
    for number in range(25):
        await tell(acts, ada, MailKind.LOGINS_ENDED, NoticeFacts(device=bytes([number])))
    await tell(acts, ada, MailKind.LOGINS_ENDED, NoticeFacts(device=bytes([24])))
    await keeper.work()
    at_once = await waiting_mail(acts)
    clock.advance(DAY_S)
    await keeper.work()
    await keeper.work()

    (digest,) = await waiting_mail(acts, "digest")
    assert [mail.kind for mail in at_once] == [MailKind.LOGINS_ENDED] * 20
    assert "You were signed out: 6\n" in text_of(digest)


async def test_a_day_later_there_is_room_again(acts: Acts, ada: UserRow, clock: Clock) -> None:
    for number in range(21):
        await tell(acts, ada, MailKind.LOGINS_ENDED, NoticeFacts(device=bytes([number])))
    clock.advance(DAY_S)
    await tell(acts, ada, MailKind.LOGINS_ENDED, NoticeFacts(device=b"new"))

    assert len(await waiting_mail(acts)) == 21


@pytest.mark.parametrize("kind", WAITED_FOR)
async def test_what_can_be_undone_has_no_cap_and_its_own_lane(
    acts: Acts, ada: UserRow, pool: Pool, kind: MailKind
) -> None:
    """A guesser who fills the notices hides none of it (login-defence.md X8)."""
    for number in range(25):
        await tell(acts, ada, MailKind.LOGINS_ENDED, NoticeFacts(device=bytes([number])))
    for _ in range(3):
        await tell(acts, ada, kind, NoticeFacts(link={"email": "x"}))

    told = await waiting_mail(acts, kind.value)
    assert len({mail.token for mail in told}) == 3
    assert await pool.fetchval("SELECT count(*) FROM outbox WHERE kind = 'mail'") == 3
    assert all("The link works until: 2026-" in text_of(mail) for mail in told)


async def test_five_codes_go_out_in_an_hour(acts: Acts, ada: UserRow, clock: Clock) -> None:
    clock.now -= clock.now % 3600
    sent = []
    for number in range(6):
        async with acts.begin() as act:
            sent.append(await NOTICES.code(act, ada, f"1234567{number}"))
    clock.advance(3600)
    async with acts.begin() as act:
        sent.append(await NOTICES.code(act, ada, "12345679"))

    assert sent == [True] * 5 + [False, True]
    assert "\n12345670\n" in text_of((await waiting_mail(acts))[0])
    assert all("1234567" not in mail.kind.value for mail in await waiting_mail(acts))


async def test_notices_that_come_at_once_are_one(acts: Acts, ada: UserRow) -> None:
    await asyncio.gather(*(tell(acts, ada, MailKind.LOGINS_ENDED) for _ in range(20)))

    assert len(await waiting_mail(acts)) == 1


async def test_without_a_way_or_an_address_nothing_is_written(acts: Acts, ada: UserRow, pool: Pool) -> None:
    async with acts.begin() as act:
        await NO_NOTICES.add(act, ada, MailKind.PASSWORD_CHANGED)
        await NOTICES.add(act, replace(ada, email=""), MailKind.PASSWORD_CHANGED)
        assert not await NO_NOTICES.code(act, ada, "12345678")

    for table in ("outbox", "links", "notices"):
        assert await pool.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_mail_for_nobody_is_written_and_never_sent(acts: Acts, pool: Pool) -> None:
    async with acts.begin() as act:
        await NOTICES.write(act, NOBODY, "ada@example.org", MailKind.RESET_LINK)

    row = await pool.fetchrow("SELECT kind, state, user_id FROM outbox")
    assert row is not None
    assert tuple(row) == ("void", "done", None)
    assert await pool.fetchval("SELECT count(*) FROM links") == 0
    assert await waiting_mail(acts) == []


async def test_no_token_code_or_address_is_readable_in_any_column(acts: Acts, ada: UserRow, pool: Pool) -> None:
    await tell(acts, ada, MailKind.EMAIL_CHANGED, NoticeFacts("203.0.113.7", link={"email": "old@example.org"}))
    async with acts.begin() as act:
        await NOTICES.code(act, ada, "12345678")
    (undo, _code) = await waiting_mail(acts)

    tables = [await pool.fetch(f"SELECT * FROM {table}") for table in ("outbox", "links", "notices")]
    stored = "".join(str(tuple(row)) for rows in tables for row in rows)
    for secret in (undo.token, "12345678", "example.org", "203.0.113.7"):
        assert secret not in stored
        assert secret.encode().hex() not in stored


async def test_old_links_are_forgotten(acts: Acts, ada: UserRow, pool: Pool, clock: Clock) -> None:
    await tell(acts, ada, MailKind.PASSWORD_CHANGED)
    clock.advance(8 * DAY_S)
    await NoticeKeeper(acts, NOTICES).work()
    kept = await pool.fetchval("SELECT count(*) FROM links")
    clock.advance(1)
    await NoticeKeeper(acts, NOTICES).work()

    assert (kept, await pool.fetchval("SELECT count(*) FROM links")) == (1, 0)


async def test_a_link_row_that_was_copied_to_another_person_opens_nothing(acts: Acts, ada: UserRow, pool: Pool) -> None:
    async with acts.begin() as act:
        await act.users.add(NewUser(UUID(int=2), "eve", "", "", (), ""), act.now)
    await tell(acts, ada, MailKind.PASSWORD_CHANGED)
    (mail,) = await waiting_mail(acts)
    await pool.execute("UPDATE links SET user_id = $1", UUID(int=2))
    hash_ = link_hash(mail.token)
    assert hash_ is not None

    async with acts.begin() as act:
        with pytest.raises(Exception, match="was not sealed with its person's key"):
            await act.links.find(hash_, act.now)


async def test_operators_acts_are_told(stage: Stage) -> None:
    """To the old address where the address changes."""
    admin = replace(stage.admin, notices=NOTICES)
    ada = await admin.add(_newcomer(), "plum violin cabin zephyr")
    await stage.sign_in(ada)

    await admin.end_sessions("ada", None, "laptop stolen")
    await admin.set_password("ada", "walnut kettle orbit fresco")
    await admin.set_email("ada", "new@example.org")

    told = await waiting_mail(stage.admin.acts)
    assert [(mail.kind, mail.to) for mail in told] == [
        (MailKind.LOGINS_ENDED, "ada@example.org"),
        (MailKind.PASSWORD_CHANGED, "ada@example.org"),
        (MailKind.EMAIL_CHANGED, "ada@example.org"),
    ]
    assert [bool(mail.token) for mail in told] == [False, True, True]
    assert isinstance(told[0], Mail)


def _newcomer() -> Newcomer:
    return Newcomer("ada", "", "ada@example.org", ())
