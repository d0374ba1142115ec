"""What a profile learns, forgets and keeps, and its stored text."""

import json
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.risk.profile import (
    MOST_ADDRESSES,
    MOST_LOGINS,
    MOST_NETWORKS,
    CorruptProfile,
    Lesson,
    PastLogin,
    RiskProfile,
    SeenPlace,
    forget_country,
    forget_hours,
    forget_network,
    forget_places,
    learn,
    read_profile,
    remembered,
    unlearn,
    write_profile,
)
from tests.core.risk.people import DAY_S, EIGHT, LISBON, settled, taught

FAR = ip_address("198.51.100.4")


def test_a_login_teaches_its_network_address_country_landing_and_hour() -> None:
    profile = taught(RiskProfile(), at=EIGHT, login="one")

    assert profile.networks == (SeenPlace("203.0.113.0/24", "one", EIGHT, 1),)
    assert profile.addresses == (SeenPlace("203.0.113.7", "one", EIGHT, 1),)
    assert profile.countries == (SeenPlace("DE", "one", EIGHT, 1),)
    assert [one.login for one in profile.landings] == [one.login for one in profile.logins] == ["one"]
    assert profile.since == profile.last_at == EIGHT


def test_a_network_seen_again_counts_and_keeps_who_taught_it() -> None:
    profile = taught(taught(RiskProfile(), at=EIGHT, login="one"), at=EIGHT + 60, login="two")

    assert profile.networks == (SeenPlace("203.0.113.0/24", "one", EIGHT + 60, 2),)
    assert profile.since == EIGHT
    assert profile.last_at == EIGHT + 60


def test_the_least_lately_seen_make_room() -> None:
    profile = settled(1)
    for number in range(MOST_ADDRESSES + 1):
        profile = taught(profile, at=EIGHT + number, address=ip_address(f"198.51.{number}.1"))

    assert len(profile.networks) == MOST_NETWORKS
    assert len(profile.addresses) == MOST_ADDRESSES
    assert profile.networks[0].value == f"198.51.{MOST_ADDRESSES}.0/24"
    assert len(profile.landings) == 5


def test_of_logins_the_latest_are_kept() -> None:
    profile = settled(MOST_LOGINS + 1)

    assert len(profile.logins) == MOST_LOGINS
    assert profile.logins[0].at == EIGHT - DAY_S
    assert profile.since == EIGHT - (MOST_LOGINS + 1) * DAY_S


def test_what_is_not_known_is_not_learnt() -> None:
    profile = learn(
        RiskProfile(), Lesson("one", EIGHT, network="", address="", country="", point=None, new_device=True)
    )

    assert profile == RiskProfile(logins=(PastLogin(EIGHT, "one", new_device=True),), since=EIGHT, last_at=EIGHT)


def test_what_is_older_than_the_retention_goes_on_the_second() -> None:
    profile = taught(taught(RiskProfile(), at=EIGHT, address=FAR, spot=LISBON), at=EIGHT + 100)

    before, after = remembered(profile, EIGHT + 999, 1000), remembered(profile, EIGHT + 1000, 1000)

    assert before == profile
    assert [one.value for one in after.networks] == ["203.0.113.0/24"]
    assert [one.value for one in after.addresses] == ["203.0.113.7"]
    assert [one.value for one in after.countries] == ["DE"]
    assert len(after.landings) == len(after.logins) == 1
    assert after.last_at == EIGHT + 100


def test_after_so_long_without_a_login_there_is_no_history() -> None:
    profile = taught(RiskProfile(), at=EIGHT)

    assert remembered(profile, EIGHT + 999, 1000).last_at == EIGHT
    assert remembered(profile, EIGHT + 1000, 1000) == RiskProfile()


def test_unlearning_takes_only_what_those_logins_taught() -> None:
    profile = taught(taught(settled(2), at=EIGHT, address=FAR, spot=LISBON, login="thief"), at=EIGHT + 60, login="ada")

    left = unlearn(profile, ["thief"])

    assert [one.value for one in left.networks] == ["203.0.113.0/24"]
    assert [one.value for one in left.countries] == ["DE"]
    assert "thief" not in {one.login for one in left.landings} | {one.login for one in left.logins}
    assert "thief" not in write_profile(left)
    assert left.last_at == EIGHT + 60


def test_one_network_can_be_forgotten_with_its_addresses() -> None:
    profile = taught(settled(2), at=EIGHT, address=FAR, spot=LISBON)

    left = forget_network(profile, "198.51.100.0/24")

    assert [one.value for one in left.networks] == ["203.0.113.0/24"]
    assert [one.value for one in left.addresses] == ["203.0.113.7"]
    assert left.landings == ()
    assert left.countries == profile.countries


def test_one_country_can_be_forgotten() -> None:
    left = forget_country(taught(settled(2), at=EIGHT, address=FAR, spot=LISBON), "PT")

    assert [one.value for one in left.countries] == ["DE"]
    assert left.landings == ()


def test_places_and_hours_can_be_forgotten_and_the_history_stays() -> None:
    left = forget_hours(forget_places(settled()), EIGHT)

    assert left == RiskProfile(since=EIGHT, last_at=settled().last_at)


def test_the_stored_text_is_read_back() -> None:
    profile = taught(settled(3), at=EIGHT, address=ip_address("2001:db8::1"), spot=LISBON, new_device=True)

    assert read_profile(write_profile(profile)) == profile
    assert read_profile(write_profile(RiskProfile())) == RiskProfile()


def test_a_full_profile_stays_small() -> None:
    profile = settled(MOST_LOGINS)
    for number in range(MOST_ADDRESSES):
        profile = taught(profile, at=EIGHT + number, address=ip_address(f"198.51.{number}.1"), login=f"{number:011}")

    assert len(write_profile(profile)) < 10_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"v":2}',
        write_profile(settled(1)).replace('"v":1', '"v":2'),
        write_profile(settled(1)).replace("52.52", "NaN"),
        write_profile(settled(1)).replace("52.52", "Infinity"),
        write_profile(settled(1)).replace('"since"', '"begun"'),
        "[" * 100_000,
    ],
)
def test_what_is_no_profile_of_this_version_is_refused(text: str) -> None:
    with pytest.raises(CorruptProfile):
        read_profile(text)


FIELDS = json.loads(write_profile(settled(2)))
ANYTHING = st.recursive(
    st.none() | st.floats() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=5)
)


@given(
    st.text() | st.tuples(st.sampled_from(sorted(FIELDS)), ANYTHING).map(lambda one: json.dumps(FIELDS | dict([one])))
)
def test_no_text_crashes_the_reader(text: str) -> None:
    try:
        read_profile(text)
    except CorruptProfile:
        return
