"""Makes an entry of what happened, and refuses one whose fields are not those of its kind."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import NoneType
from typing import Final, get_args
from uuid import UUID

from gateway.core.audit.catalogue import CATALOGUE, names
from gateway.core.audit.entries import Kind
from gateway.core.audit.event import AppEvent, By, Event, FieldShape, Part

_GATEWAY: Final = "gateway"
_ANY_TEXT: Final = re.compile(r".*", re.DOTALL)
# Wide enough for what requests bring under a wildcard; the meaning of a field is the event's business.
_FORMS: Final[Mapping[FieldShape, re.Pattern[str]]] = {
    FieldShape.ID: re.compile(r"[!-~]{0,2000}"),
    FieldShape.WORD: re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ ':;,.()-]{0,199}"),
    FieldShape.HOST: re.compile(r"[!-~]{0,512}"),
    FieldShape.ROUTE: re.compile(r"[^\x00-\x1f\x7f]{0,512}"),
    FieldShape.DIGEST: re.compile(r"[A-Za-z0-9_ =-]{0,128}"),
    FieldShape.TEXT: _ANY_TEXT,
}


@dataclass(frozen=True, slots=True)
class _Field:
    """of: str, int, bool, or tuple for many of str."""

    of: type
    shape: FieldShape
    required: bool

    def takes(self, value: object) -> bool:
        if type(value) is not self.of:
            return False
        words = value if isinstance(value, tuple) else (value,)
        form = _FORMS.get(self.shape)
        return form is None or all(isinstance(one, str) and form.fullmatch(one) for one in words)


def _field(annotated: object) -> _Field:
    stored, _, shape = get_args(annotated)
    choices = get_args(stored) if NoneType in get_args(stored) else (stored,)
    of = next(one for one in choices if one is not NoneType)
    return _Field(tuple if get_args(of) else of, shape, required=NoneType not in choices)


_FIELDS: Final[Mapping[tuple[Kind, Part], Mapping[str, _Field]]] = {
    (event.kind, part): {one.name: _field(one.type) for one in fields(event) if one.name in names(event, part)}
    for event in CATALOGUE
    for part in Part
}


class NoSuchEntry(AssertionError):
    """The fields are not those of the kind: a mistake in the code that tells of it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """at: Unix seconds. actor: a user id, `cli:<operating system user>`, `client:<id>` of an app, `gateway`, or "" for
    a stranger.

    detail stays readable for ever, so it holds ids and no personal words; personal is sealed (core/privacy/periods.py).
    Raises NoSuchEntry.
    """

    kind: Kind
    at: int
    actor: str
    subject: UUID | None
    detail: Mapping[str, object]
    personal: Mapping[str, object]
    request_id: str

    def __post_init__(self) -> None:
        _check(self.kind, Part.DETAIL, self.detail)
        _check(self.kind, Part.PERSONAL, self.personal)


def entry_of(event: Event, at: int, operator: str, request_id: str) -> Entry:
    """The one way in which an entry comes to be. at: Unix seconds. operator: who acts where an operator does."""
    return Entry(
        kind=event.kind,
        at=at,
        actor=_actor(event, operator),
        subject=event.subject,
        detail=_values(event, Part.DETAIL),
        personal=_values(event, Part.PERSONAL),
        request_id=request_id,
    )


def _check(kind: Kind, part: Part, values: Mapping[str, object]) -> None:
    known = _FIELDS[kind, part]
    wrong = {name for name, value in values.items() if name not in known or not known[name].takes(value)}
    wrong |= {name for name, field in known.items() if field.required and name not in values}
    if wrong:
        raise NoSuchEntry(f"{kind.value} has no such {part.value}: {', '.join(sorted(wrong))}")


def _actor(event: Event, operator: str) -> str:
    match event.by:
        case By.PERSON:
            assert event.subject is not None
            return str(event.subject)
        case By.OPERATOR:
            assert operator
            return operator
        case By.GATEWAY:
            return _GATEWAY
        case By.ANONYMOUS:
            return ""
        case By.APP:
            assert isinstance(event, AppEvent)
            return f"client:{event.client}"
        case By.SEVERAL:
            raise AssertionError(f"{event.kind.value} does not say who acts")


def _values(event: Event, part: Part) -> Mapping[str, object]:
    given = ((name, getattr(event, name)) for name in names(type(event), part))
    return {name: value for name, value in given if value is not None}
