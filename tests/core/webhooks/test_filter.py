"""An endpoint gets the kinds and families that it names, and nothing that tells of itself."""

import pytest

from gateway.core.audit.catalogue import CATALOGUE, names
from gateway.core.audit.chain import Stored
from gateway.core.audit.event import Family, Part
from gateway.core.webhooks.filter import UnknownEvents, gets, read_filter

ALL = tuple(f"family:{family.name.lower()}" for family in Family)


def entry(kind: str, detail: str = "{}") -> Stored:
    return Stored(1, kind, 1, "", None, detail, b"", "")


def test_kinds_and_families_are_read_once_each() -> None:
    assert read_filter("login_failed, family:people,login_failed") == ("login_failed", "family:people")


@pytest.mark.parametrize("text", ["", "logins", "family:", "family:People", "login,,logout", "family:login", "*"])
def test_what_is_no_event_is_refused_and_the_message_says_what_is(text: str) -> None:
    with pytest.raises(UnknownEvents, match=r"audit kinds.*family:people"):
        read_filter(text)


def test_a_kind_matches_itself_and_a_family_all_of_its_kinds() -> None:
    assert gets("ep_a", ("login",), entry("login"))
    assert not gets("ep_a", ("login",), entry("logout"))
    for event in CATALOGUE:
        family = f"family:{event.about.family.name.lower()}"
        assert gets("ep_a", (family,), entry(event.kind.value))
        assert not gets("ep_a", tuple({*ALL} - {family}), entry(event.kind.value))


def test_what_another_version_wrote_matches_only_its_own_name() -> None:
    assert not gets("ep_a", (*ALL, "family:future"), entry("of_the_future"))
    assert gets("ep_a", ("of_the_future",), entry("of_the_future"))


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        ("delivery_dead", '{"destination":"endpoint/ep_a","message":"webhook"}'),
        ("endpoint_paused", '{"endpoint":"ep_a","why":"gone"}'),
    ],
)
def test_what_tells_of_an_endpoint_goes_to_the_others_only(kind: str, detail: str) -> None:
    assert not gets("ep_a", (kind, "family:delivery"), entry(kind, detail))
    assert gets("ep_b", (kind,), entry(kind, detail))
    assert gets("ep_b", ("family:delivery",), entry(kind, detail))


def test_other_kinds_may_name_an_endpoint() -> None:
    assert gets("ep_a", ("login",), entry("login", '{"endpoint":"ep_a"}'))


def test_no_field_of_an_entry_is_hidden_by_one_of_the_message() -> None:
    kept = {name for event in CATALOGUE for name in names(event, Part.DETAIL)}

    assert not kept & {"position", "actor", "subject", "request_id"}
