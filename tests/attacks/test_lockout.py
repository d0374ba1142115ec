"""Guesses at one person from everywhere: only the guesser is locked out, not the devices of the owner (L15, L16)."""

import asyncio
import json
from collections import Counter
from ipaddress import ip_address
from uuid import UUID

import pytest

from gateway.core.login.attempt import DEVICE_BYTES, Device, Typed, remember
from gateway.core.login.lockout import STRANGE, Door, Lockout, Proving
from gateway.flows.people.issuing import SignedIn, Visit
from gateway.flows.people.login import LockedOut, Wrong
from gateway.flows.people.users import Newcomer
from gateway.stores.postgres.lockouts import LockoutRows
from tests.attacks.conftest import PASSWORD, House
from tests.attacks.test_password_races import until_somebody_waits
from tests.core.forward.setting import KEYS

QUARTER = 900
SPELLINGS = ("ada", "ADA", " ada ", "ada@example.org", "Ada@Example.ORG", "ADA")
NOBODY = "nobody"


@pytest.fixture
async def ada(house: House) -> UUID:
    return await house.admin.add(Newcomer("ada", "", "ada@example.org", ()), PASSWORD)


async def device_of(house: House, name: str = "ada") -> str:
    """The cookie of a device from which this person has just logged in."""
    outcome = await house.login.attempt(Typed(name, PASSWORD, keep=False), Visit(None, "curl", "", ""), None)
    assert isinstance(outcome, SignedIn)
    return outcome.device


def cookie_of(name: str, number: int) -> str:
    """As of a device from which this name logged in, which Postgres does not know."""
    return remember(KEYS.device, Device("", ()), name, bytes([number % 256]) * DEVICE_BYTES)


async def tried(house: House, password: str, name: str = "ada", *, device: str = "", number: int = 0) -> type:
    """What it ends in, from an address of its own."""
    visit = Visit(ip_address(f"203.0.{number // 250}.{number % 250}"), "curl", device, "")
    return type(await house.login.attempt(Typed(name, password, keep=False), visit, None))


async def guessed(house: House, times: int, **where: str) -> Counter[type]:
    return Counter([await tried(house, f"guess {number}", number=number, **where) for number in range(times)])


async def details(house: House, kind: str) -> list[dict[str, object]]:
    """Of the entries of this kind, the oldest first."""
    rows = await house.pool.fetch("SELECT detail FROM audit_entries WHERE kind = $1 ORDER BY id", kind)
    return [json.loads(row["detail"]) for row in rows]


async def lockout_at(house: House, door: Door) -> Lockout:
    async with house.pool.acquire() as connection:
        return await LockoutRows(connection).find_settled(door)


async def test_200_guesses_from_strange_devices_do_not_hold_up_the_owners_own(house: House, ada: UUID) -> None:
    own, other = await device_of(house), await device_of(house, "ada@example.org")

    for number in range(200):
        ended = await tried(house, f"guess {number}", device=cookie_of("ada", number), number=number)
        assert ended is (Wrong if number < 10 else LockedOut)
        if number % 50 == 49:
            for name in SPELLINGS:
                assert await tried(house, PASSWORD, name, device=own) is SignedIn
            assert await tried(house, PASSWORD, device=other) is SignedIn
            assert await tried(house, PASSWORD) is LockedOut

    assert await tried(house, PASSWORD, device=own) is SignedIn
    assert [row["who"] for row in await house.pool.fetch("SELECT who FROM lockouts")] == [ada]


async def test_no_number_of_addresses_and_spellings_gives_more_than_ten_looks(house: House, ada: UUID) -> None:
    ended = Counter(
        [
            await tried(house, f"guess {number}", SPELLINGS[number % len(SPELLINGS)], number=number)
            for number in range(40)
        ]
    )

    assert ended == {Wrong: 10, LockedOut: 30}
    for spelling in SPELLINGS:
        assert await tried(house, PASSWORD, spelling, number=99) is LockedOut
    assert (await lockout_at(house, Door(ada, Proving.PASSWORD))).until == house.there.now + QUARTER


async def test_the_tenth_look_may_still_be_right_and_the_eleventh_not(house: House, ada: UUID) -> None:
    await guessed(house, 9)
    assert await tried(house, PASSWORD) is SignedIn
    assert (await lockout_at(house, Door(ada, Proving.PASSWORD))).failed_at == (house.there.now,) * 9

    await guessed(house, 1)
    assert await tried(house, PASSWORD) is LockedOut


async def test_the_lock_ends_on_its_second_and_the_next_is_twice_as_long(house: House, ada: UUID) -> None:
    await guessed(house, 10)

    house.there.now += QUARTER - 1
    assert await tried(house, PASSWORD) is LockedOut
    house.there.now += 1
    assert await tried(house, PASSWORD) is SignedIn
    await guessed(house, 10)
    assert (await lockout_at(house, Door(ada, Proving.PASSWORD))).until == house.there.now + 2 * QUARTER


@pytest.mark.usefixtures("ada")
async def test_a_known_device_is_locked_alone(house: House) -> None:
    own, other = await device_of(house), await device_of(house)

    assert await guessed(house, 12, device=own) == {Wrong: 10, LockedOut: 2}

    assert await tried(house, PASSWORD, device=own) is LockedOut
    assert await tried(house, PASSWORD, device=other) is SignedIn
    assert await tried(house, PASSWORD) is SignedIn


@pytest.mark.usefixtures("ada")
async def test_no_success_resets_a_count(house: House) -> None:
    own = await device_of(house)
    for device in ("", own):
        await guessed(house, 9, device=device)
    for device in ("", own, await device_of(house)):
        assert await tried(house, PASSWORD, device=device) is SignedIn

    for device in ("", own):
        await guessed(house, 1, device=device)
        assert await tried(house, PASSWORD, device=device) is LockedOut


async def test_of_two_first_failures_at_once_both_count(house: House, ada: UUID) -> None:
    await asyncio.gather(tried(house, "guess 1", number=1), tried(house, "guess 2", number=2))

    assert (await lockout_at(house, Door(ada, Proving.PASSWORD))).failed_at == (house.there.now,) * 2


async def test_a_right_password_that_was_compared_before_the_lock_comes_too_late(house: House, ada: UUID) -> None:
    """Of guesses at once no more count than of others: a hundred in flight are ten looks."""
    door = Door(ada, Proving.PASSWORD)
    await guessed(house, 9)

    async with house.pool.acquire() as connection, connection.transaction():
        lockouts = LockoutRows(connection)
        await lockouts.hold(door)
        late = asyncio.create_task(tried(house, PASSWORD))
        await until_somebody_waits(house)
        await lockouts.save(door, Lockout((), QUARTER, house.there.now + QUARTER))

    assert await late is LockedOut
    assert await details(house, "login") == []
    assert (await details(house, "login_failed"))[-1]["why"] == "locked"


@pytest.mark.usefixtures("ada")
async def test_of_30_at_once_the_right_one_is_among_the_first_ten_or_refused(house: House) -> None:
    """In the order in which the audit log has them."""
    order = [*range(12), "right", *range(12, 29)]
    ended = await asyncio.gather(
        *(tried(house, PASSWORD if one == "right" else f"guess {one}", number=3) for one in order)
    )

    found = await house.pool.fetch("SELECT kind, detail FROM audit_entries ORDER BY id")
    looked = [row["kind"] for row in found if row["kind"] in ("login", "locked")]
    assert looked in (["locked"], ["login", "locked"])
    assert (SignedIn in ended) == (looked[0] == "login")
    before = [row["kind"] for row in found][: [row["kind"] for row in found].index("locked")]
    assert before.count("login_failed") == 10


async def test_a_name_that_nobody_has_is_locked_as_one_that_somebody_has(house: House) -> None:
    assert await guessed(house, 12, name=NOBODY) == {Wrong: 10, LockedOut: 2}

    (locked,) = await details(house, "locked")
    assert locked["unknown_name"]
    assert await house.pool.fetchval("SELECT subject FROM audit_entries WHERE kind = 'locked'") is None


async def test_guessed_names_fill_no_table(house: House) -> None:
    for number in range(300):
        await tried(house, "guess", f"{NOBODY}{number}", number=number)
        await tried(house, "guess", f"{NOBODY}{number}", number=number, device=cookie_of(f"{NOBODY}{number}", number))

    people = [row["who"] for row in await house.pool.fetch("SELECT who FROM lockouts")]
    assert 100 < len(people) <= 256
    assert all(256 <= who.int < 512 for who in people)


async def test_the_log_tells_of_a_lock_once_and_of_each_refusal(house: House, ada: UUID) -> None:
    await guessed(house, 12)

    assert await details(house, "locked") == [
        {"device": "strange", "proving": "password", "until": house.there.now + QUARTER}
    ]
    assert [one.get("why") for one in await details(house, "login_failed")] == [None] * 10 + ["locked"] * 2
    assert await house.pool.fetchval("SELECT subject FROM audit_entries WHERE kind = 'locked'") == ada


async def test_an_operator_ends_all_locks_and_forgets_the_failures(house: House, ada: UUID) -> None:
    own, other = await device_of(house), await device_of(house)
    await guessed(house, 10)
    await guessed(house, 10, device=own)
    await guessed(house, 9, device=other)
    assert [lock.door.place for lock in (await house.admin.show("ada")).locks] == ["strange", "known"]

    assert await house.admin.unlock("ada@example.org") == 2

    assert (await house.admin.show("ada")).locks == ()
    assert await details(house, "unlocked") == [{"locks": ["password strange", "password known"]}]
    assert await tried(house, PASSWORD) is SignedIn
    assert await guessed(house, 9, device=own) == {Wrong: 9}
    assert await house.admin.unlock("ada") == 0
    assert len(await details(house, "unlocked")) == 1
    assert await house.pool.fetchval("SELECT count(*) FROM lockouts WHERE who = $1", ada) == 0


@pytest.mark.usefixtures("ada")
async def test_what_decides_nothing_any_more_is_forgotten(house: House) -> None:
    own = await device_of(house)
    await guessed(house, 10)
    await guessed(house, 1, device=own)
    lockouts, begun = house.login.lockouts, house.there.now

    for later, left in ((QUARTER - 1, 2), (QUARTER, 1), (QUARTER + 86_399, 1), (QUARTER + 86_400, 0)):
        house.there.now = begun + later
        await lockouts.purge()
        assert await house.pool.fetchval("SELECT count(*) FROM lockouts") == left


async def test_somebody_who_is_disabled_is_locked_as_others_are(house: House, ada: UUID) -> None:
    await house.admin.disable("ada")

    assert Counter([await tried(house, PASSWORD) for _ in range(12)]) == {Wrong: 10, LockedOut: 2}
    assert (await lockout_at(house, Door(ada, Proving.PASSWORD, STRANGE))).locked_s == QUARTER
