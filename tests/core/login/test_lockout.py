"""When a door to a person is locked, for how long, and which door it is."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.login.lockout import Lockout, LockoutRules, decoy, failed, opened

RULES = LockoutRules()
NOW = 1_800_000_000
MINUTE, DAY = 60, 86_400
QUARTER = 15 * MINUTE
KEY = b"k" * 32


def after(*times: int, rules: LockoutRules = RULES, before: Lockout | None = None) -> Lockout:
    """Wrong proofs at these seconds after NOW."""
    lockout = before or Lockout()
    for at in times:
        lockout = failed(lockout, rules, NOW + at)
    return lockout


# Seconds after NOW of each wrong proof, and when the door is locked from them on (None: it is open).
TABLE: dict[str, tuple[tuple[int, ...], int | None]] = {
    "none": ((), None),
    "one": ((0,), None),
    "nine at once": ((0,) * 9, None),
    "ten at once": ((0,) * 10, QUARTER),
    "ten within the last second": ((0, *[1] * 8, QUARTER - 1), 2 * QUARTER - 1),
    "the first has just left": ((0, *[1] * 8, QUARTER), None),
    "the first left, one more came": ((0, *[1] * 8, QUARTER, QUARTER), 2 * QUARTER),
    "one a minute": (tuple(n * MINUTE for n in range(10)), 9 * MINUTE + QUARTER),
    "one every 100 s never": (tuple(n * 100 for n in range(200)), None),
    "one every 99 s": (tuple(n * 99 for n in range(10)), 891 + QUARTER),
    "more at a locked door": ((0,) * 200, QUARTER),
    "the last second of the lock": ((*[0] * 10, QUARTER - 1), QUARTER),
    "nine after the lock": ((*[0] * 10, *[QUARTER] * 9), QUARTER),
    "ten after the lock": ((*[0] * 10, *[QUARTER] * 10), 3 * QUARTER),
    "a clock that runs backwards": ((50, *[0] * 9), QUARTER),
}


@pytest.mark.parametrize(("times", "until"), TABLE.values(), ids=TABLE)
def test_ten_wrong_proofs_within_a_quarter_of_an_hour_lock_the_door(times: tuple[int, ...], until: int | None) -> None:
    lockout = after(*times)

    if until is None:
        assert lockout.until == 0
        return
    assert lockout.until == NOW + until
    assert lockout.is_locked(NOW + until - 1)
    assert not lockout.is_locked(NOW + until)


def test_each_lock_is_twice_as_long_as_the_one_before_up_to_a_day() -> None:
    lockout, lengths = Lockout(), []
    for _ in range(9):
        begun = max(NOW, lockout.until)
        lockout = after(*[begun - NOW] * 10, before=lockout)
        lengths.append((lockout.until - begun) // MINUTE)

    assert lengths == [15, 30, 60, 120, 240, 480, 960, 1440, 1440]


@pytest.mark.parametrize(("quiet_s", "length"), [(0, 30), (DAY - 1, 30), (DAY, 15), (30 * DAY, 15)])
def test_after_a_day_without_a_lock_the_next_one_is_short_again(quiet_s: int, length: int) -> None:
    locked = after(*[0] * 10)

    again = after(*[QUARTER + quiet_s] * 10, before=locked)

    assert again.until - NOW - QUARTER - quiet_s == length * MINUTE


def test_rules_that_changed_hold_for_the_next_lock() -> None:
    longest = replace(Lockout(), locked_s=DAY, until=NOW)

    assert after(*[0] * 10, rules=LockoutRules(longest_s=3600), before=longest).locked_s == 3600
    assert after(*[0] * 10, rules=LockoutRules(first_s=4 * DAY, longest_s=8 * DAY), before=longest).locked_s == 4 * DAY
    assert after(0, 0, 0, rules=LockoutRules(failures=3)).is_locked(NOW)


@given(st.lists(st.integers(0, 300), max_size=120))
def test_nobody_looks_more_than_ten_times_in_any_quarter_of_an_hour(pauses: list[int]) -> None:
    lockout, now, looks = Lockout(), NOW, list[int]()
    for pause in pauses:
        now += pause
        if not lockout.is_locked(now):
            looks.append(now)
        lockout = failed(lockout, RULES, now)

    assert all(sum(at <= look < at + QUARTER for look in looks) <= 10 for at in looks)
    assert len(lockout.failed_at) < RULES.failures


@pytest.mark.parametrize("rules", [RULES, LockoutRules(within_s=60), LockoutRules(within_s=DAY, longest_s=DAY)])
@pytest.mark.parametrize("at", [0, QUARTER - 1])
def test_an_opened_door_takes_five_wrong_proofs_whenever_they_come(rules: LockoutRules, at: int) -> None:
    lockout = after(*[at] * 4, rules=rules, before=opened(rules, NOW))

    assert not lockout.is_locked(NOW + at)
    assert after(at, rules=rules, before=lockout).is_locked(NOW + at)


def test_an_opened_door_takes_no_more_proofs_than_one_that_nobody_opened() -> None:
    rules = LockoutRules(failures=3)
    lockout = after(0, 0, rules=rules, before=opened(rules, NOW))

    assert not lockout.is_locked(NOW)
    assert after(0, rules=rules, before=lockout).is_locked(NOW)


def test_names_that_nobody_has_share_256_decoys_by_spelling() -> None:
    assert {decoy(KEY, f"nobody{number}") for number in range(5_000)} == {UUID(int=256 + n) for n in range(256)}
    assert decoy(KEY, " NoBody1") == decoy(KEY, "nobody1") != decoy(b"o" * 32, "nobody1")


@given(st.text())
def test_every_text_has_a_decoy(name: str) -> None:
    decoy(KEY, name)
    decoy(KEY, name + "\ud800")
