"""Owns what an event of the audit log is made of: its fields, who acts, under which heading it is documented."""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, ClassVar, TypeVar
from uuid import UUID

from gateway.core.audit.entries import Kind

_T = TypeVar("_T")


class Part(Enum):
    """Where a field goes. DETAIL stays readable for ever; PERSONAL is sealed (core/privacy/periods.py)."""

    DETAIL = "detail"
    PERSONAL = "personal"


class FieldShape(Enum):
    """What a field of DETAIL may hold. The list is closed, and text that a person typed is none of it (E1).

    ID: of a row, a scope, a group. WORD: one of ours. ROUTE: a name that policy gives. DIGEST: also a mark of one.
    TEXT is for PERSONAL.
    """

    ID = "id"
    WORD = "word"
    NUMBER = "number"
    HOST = "host"
    ROUTE = "route"
    DIGEST = "digest"
    TEXT = "text"


Id = Annotated[_T, Part.DETAIL, FieldShape.ID]
OurWord = Annotated[_T, Part.DETAIL, FieldShape.WORD]
Number = Annotated[_T, Part.DETAIL, FieldShape.NUMBER]
Host = Annotated[_T, Part.DETAIL, FieldShape.HOST]
Route = Annotated[_T, Part.DETAIL, FieldShape.ROUTE]
Digest = Annotated[_T, Part.DETAIL, FieldShape.DIGEST]
Sealed = Annotated[_T, Part.PERSONAL, FieldShape.TEXT]


class By(Enum):
    """Who does it. The values are the words of the documentation."""

    PERSON = "the person"
    OPERATOR = "an operator"
    GATEWAY = "the gateway"
    ANONYMOUS = "an anonymous client"
    APP = "the app"
    SEVERAL = "as `why` says"


class Family(Enum):
    """The values are the headings of the documentation."""

    SIGNING_IN = "Logging in and out"
    PEOPLE = "People"
    ACCESS = "Access"
    APPS = "Apps and tokens"
    SETTINGS = "Policy and settings"
    DELIVERY = "Deliveries"
    EVIDENCE = "The log itself, and backups"


class Severity(Enum):
    """The words of OCSF."""

    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"


@dataclass(frozen=True, slots=True)
class About:
    """What holds for every event of a kind. metric: that counts it too, as Prometheus shows it; "" where none does.

    by: SEVERAL where it differs from one event to the next; then the event's own `by` says it.
    """

    family: Family
    severity: Severity
    by: By
    meaning: str
    metric: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """subject: whom it is about, None where nobody is known. A field that is None is left out of the entry."""

    kind: ClassVar[Kind]
    about: ClassVar[About]

    subject: UUID | None

    @property
    def by(self) -> By:
        return self.about.by


@dataclass(frozen=True, slots=True)
class AppEvent(Event):
    """About an app. client: its id."""

    client: Id[str]
