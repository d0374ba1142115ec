"""Somebody tries names: what the gateway does must not tell whether anybody has one (threats.md L5)."""

import sys
from collections import Counter
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from types import FrameType

import pytest

from gateway.core.login.attempt import Typed
from gateway.flows.evidence.tallies import IMPLAUSIBLE_NAME, Tallies
from gateway.flows.people.issuing import Visit
from gateway.flows.people.login import Wrong
from gateway.stores.postgres.audit import Audit
from tests.attacks.conftest import PASSWORD, House

_COUNTED = {
    "fernet.py": ("encrypt", "encrypt_at_time", "decrypt"),
    "connection.py": ("execute", "_execute"),
    "passwords.py": ("_run",),
}


async def steps_of(house: House, name: str, password: str = "wrong") -> Counter[str]:
    """What one wrong attempt does that takes time: statements, and work of the ciphers and of bcrypt."""
    steps: Counter[str] = Counter()

    def see(frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_name in _COUNTED.get(Path(code.co_filename).name, ()):
            steps[code.co_name] += 1

    sys.setprofile(see)
    try:
        outcome = await house.attempt(name, password)
    finally:
        sys.setprofile(None)
    assert isinstance(outcome, Wrong)
    return steps


async def test_a_person_with_a_history_costs_the_steps_of_one_without(house: House) -> None:
    await house.add("eve")
    await house.add("ada")
    await house.sign_in("ada")
    for name in ("ada", "eve", "nobody"):
        await steps_of(house, name)

    steps = [await steps_of(house, name) for name in ("ada", "eve", "nobody")]

    assert steps[0] == steps[1] == steps[2]


@pytest.mark.parametrize("name", ["nobody", "nobody@example.org", "x" * 254])
async def test_a_name_that_nobody_has_costs_the_steps_of_one_that_somebody_has(house: House, name: str) -> None:
    await house.add("eve")
    await steps_of(house, "eve")
    await steps_of(house, name)  # once each, because the first statement of a connection is prepared

    known, unknown = await steps_of(house, "eve"), await steps_of(house, name)

    assert known == unknown
    assert known["decrypt"] >= 2
    assert known["execute"] + known["_execute"] >= 5


async def test_a_locked_door_costs_the_steps_of_a_wrong_password_also_to_the_right_one(house: House) -> None:
    """Also the password that locks it: for a name that nobody has it does the same (threats.md L16)."""
    await house.add("eve")
    for name in ("eve", "nobody"):
        for _ in range(8):
            await steps_of(house, name)

    wrong, unknown = await steps_of(house, "eve"), await steps_of(house, "nobody")
    locking, unknown_locking = await steps_of(house, "eve"), await steps_of(house, "nobody")
    locked = [await steps_of(house, name, password) for name in ("eve", "nobody") for password in ("wrong", PASSWORD)]

    assert wrong == unknown
    assert locking == unknown_locking
    assert locking != wrong, "the lock has an entry of its own"
    assert locked == [wrong] * 4


async def test_of_what_the_stranger_brought_only_the_address_and_browser_are_kept_and_they_are_sealed(
    house: House,
) -> None:
    """A name that nobody has may be a password. The address is readable as long as the month's key is there (E8)."""
    visit = Visit(ip_address("203.0.113.7"), "curl/8", "", "r")
    await house.login.attempt(Typed("hunter2", "wrong", keep=False), visit, None)

    async with house.pool.acquire() as connection:
        row = await connection.fetchrow("SELECT * FROM audit_entries WHERE kind = 'login_failed'")
        assert row is not None
        read = await Audit(connection, house.acts.vault).find(row["id"])

    assert read is not None
    assert (read.personal, row["subject"]) == ({"address": "203.0.113.7", "user_agent": "curl/8"}, None)
    assert not any(word in str(tuple(row)) for word in ("hunter2", "203.0.113.7", "curl"))


@pytest.mark.parametrize("name", ["", "x" * 255, "a\0b"])
async def test_a_name_that_nobody_can_have_is_counted(house: House, name: str) -> None:
    tallies = Tallies(house.acts)
    login = replace(house.login, implausible=partial(tallies.count_attempt, IMPLAUSIBLE_NAME, "auth.example.org"))

    for _ in range(3):
        assert isinstance(await login.attempt(Typed(name, "wrong", keep=False), Visit(None, "", "", ""), None), Wrong)
    await tallies.write()

    rows = await house.pool.fetch("SELECT kind, detail FROM audit_entries")
    assert [tuple(row) for row in rows] == [
        ("attempts_counted", '{"host":"auth.example.org","reason":"implausible_name","times":3}')
    ]
