"""Every kind has its event, and what entries say is what stored entries have always said."""

import ast
from dataclasses import MISSING, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Final, get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.audit import (
    app_events,
    catalogue,
    factor_events,
    login_events,
    people_events,
)
from gateway.core.audit.catalogue import CATALOGUE, names
from gateway.core.audit.delivery_events import EndpointEvent
from gateway.core.audit.entries import Kind, canonical
from gateway.core.audit.entry import Entry, NoSuchEntry, entry_of
from gateway.core.audit.event import AppEvent, By, Event, FieldShape, Part
from gateway.figures import FIGURES, Counter
from tests.core.audit.stored import STORED
from tests.core.audit.stored_documents import ADA

GATEWAY: Final = Path(catalogue.__file__).parents[2]
MADE_OF: Final = {str, int, tuple[str, ...], str | None, int | None, tuple[str, ...] | None}
_WORDS: Final = st.from_regex(r"[A-Za-z0-9_]{1,8}", fullmatch=True)


def _value_of(of: object, _part: Part, shape: FieldShape) -> st.SearchStrategy[Any]:
    text = st.text() if shape is FieldShape.TEXT else _WORDS
    values: dict[object, st.SearchStrategy[Any]] = {
        str: text,
        int: st.integers(0, 1 << 40),
        tuple[str, ...]: st.lists(text, max_size=3).map(tuple),
        str | None: st.none() | text,
        int | None: st.none() | st.integers(0, 100),
        tuple[str, ...] | None: st.none() | st.lists(text, max_size=3).map(tuple),
    }
    return values[of]


def test_every_kind_has_one_event_and_every_event_is_in_the_catalogue() -> None:
    defined = {
        one
        for one in vars(catalogue).values()
        if isinstance(one, type)
        and is_dataclass(one)
        and issubclass(one, Event)
        and one not in (Event, AppEvent, EndpointEvent)
    }

    assert {one.kind for one in CATALOGUE} == {*Kind}
    assert len(CATALOGUE) == len(Kind)
    assert {*CATALOGUE} == defined


@pytest.mark.parametrize(("event", "kind", "stored"), STORED, ids=lambda one: one if isinstance(one, str) else "")
def test_an_entry_says_what_it_has_always_said(
    event: Event, kind: str, stored: tuple[str, UUID | None, str, str]
) -> None:
    entry = entry_of(event, 5, "cli:root", "r")

    assert (entry.kind.value, entry.at, entry.request_id) == (kind, 5, "r")
    assert (entry.actor, entry.subject, canonical(entry.detail), canonical(entry.personal)) == stored


def test_what_is_stored_is_known_of_every_kind() -> None:
    assert {kind for _, kind, _ in STORED} == {kind.value for kind in Kind}


@pytest.mark.parametrize("event", CATALOGUE, ids=lambda event: event.kind.value)
def test_every_field_has_one_part_and_a_type_that_can_be_stored(event: type[Event]) -> None:
    subject, *others = fields(event)

    assert subject.name == "subject"
    for one in others:
        of, *parts = get_args(one.type)
        assert of in MADE_OF, one.name
        part, shape = parts
        assert (part is Part.PERSONAL) == (shape is FieldShape.TEXT), "what is kept has one of the closed types"
        assert (shape is FieldShape.NUMBER) == (of in (int, int | None)), one.name
        assert one.default in (MISSING, None), one.name


@given(st.data())
def test_an_entry_has_each_field_in_its_part_and_in_no_other(data: st.DataObject) -> None:
    event = data.draw(st.sampled_from(CATALOGUE))
    given_fields = {one.name: data.draw(_value_of(*get_args(one.type))) for one in fields(event)[1:]}

    entry = entry_of(event(ADA, **given_fields), 1, "cli:root", "")

    kept = {name: value for name, value in given_fields.items() if value is not None}
    assert {**entry.detail, **entry.personal} == kept
    assert entry.detail.keys() <= {*names(event, Part.DETAIL)}
    assert entry.personal.keys() <= {*names(event, Part.PERSONAL)}
    assert not entry.detail.keys() & entry.personal.keys()


@pytest.mark.parametrize("event", [people_events.UserEnabled(ADA), login_events.LoggedOut(None, "L")])
def test_who_acts_is_never_left_open(event: Event) -> None:
    with pytest.raises(AssertionError):
        entry_of(event, 1, "", "")


def test_whoever_acts_as_a_person_is_the_subject() -> None:
    """No entry says that a person acted whom it does not name."""
    for event, _, (actor, subject, _, _) in STORED:
        assert (event.about.by is By.PERSON) == (actor == str(subject))


def test_a_factor_that_its_person_removed_names_the_person() -> None:
    entry = entry_of(factor_events.FactorRemoved(ADA, "totp", "by_person"), 1, "", "")

    assert (entry.actor, canonical(entry.detail)) == (str(ADA), '{"factor":"totp","why":"by_person"}')


def test_a_grant_that_its_person_ended_names_the_person() -> None:
    ended = app_events.GrantEnded(ADA, "wiki", "G", "ended_by_person")

    assert entry_of(ended, 1, "", "").actor == str(ADA)


def test_a_password_that_its_person_changed_names_the_person() -> None:
    entry = entry_of(people_events.PasswordChanged(ADA, ("L",), "changed_by_person"), 1, "", "")

    assert (entry.actor, entry.detail) == (str(ADA), {"logins": ("L",), "why": "changed_by_person"})


@pytest.mark.parametrize("metric", sorted({event.about.metric for event in CATALOGUE} - {""}))
def test_a_metric_that_is_named_exists(metric: str) -> None:
    counters = [one for one in FIGURES if isinstance(one, Counter)]
    shown = {f"{one.name}_total" for one in counters if not one.label}
    shown |= {f'{one.name}_total{{{one.label}="{value}"}}' for one in counters if one.label for value in one.values}

    assert metric in shown


def test_nothing_else_makes_an_entry() -> None:
    makers = {
        str(path.relative_to(GATEWAY))
        for path in GATEWAY.rglob("*.py")
        if "gateway.core.audit" in path.read_text()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Entry"
    }

    assert makers == {"core/audit/entry.py"}


def test_an_address_that_its_person_brought_back_names_the_person() -> None:
    undone = people_events.UserChanged(ADA, "email", "eve@example.org", "ada@example.org", "undone")

    assert entry_of(undone, 1, "", "").actor == str(ADA)


LOGIN: Final = entry_of(login_events.SessionOpened(ADA, "L", "wiki.example.org"), 1, "", "")
FAULTS: Final[dict[str, dict[str, dict[str, object]]]] = {
    "a field of another kind": {"detail": {**LOGIN.detail, "score": 1}},
    "a field is missing": {"detail": {"login": "L"}},
    "a number where an id is meant": {"detail": {**LOGIN.detail, "login": 1}},
    "many where one is meant": {"detail": {**LOGIN.detail, "login": ("L",)}},
    "a sentence where an id is meant": {"detail": {**LOGIN.detail, "login": "Ada Lovelace"}},
    "a line break in a host": {"detail": {**LOGIN.detail, "host": "wiki\n"}},
    "a personal field that the kind has not": {"personal": {"name": "Ada"}},
    "nothing": {"detail": {}},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_an_entry_whose_fields_are_not_those_of_its_kind_is_not_made(fault: dict[str, Any]) -> None:
    with pytest.raises(NoSuchEntry):
        replace(LOGIN, **fault)


def test_a_field_that_may_be_left_out_has_its_type_where_it_is_there() -> None:
    failed = entry_of(catalogue.LoginFailed(ADA, None, "", "", score=3), 1, "", "")

    assert replace(failed, detail={}).detail == {}
    with pytest.raises(NoSuchEntry):
        replace(failed, detail={"score": True})


def test_a_change_of_a_person_is_no_entry_with_words_in_clear() -> None:
    with pytest.raises(NoSuchEntry):
        Entry(Kind.USER_CHANGED, 1, "", ADA, {"changed": "name", "after": "Grace"}, {"before": "", "after": ""}, "")
