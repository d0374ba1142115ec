"""What the audit log tells of controls and of access reviews: a part of the catalogue."""

from dataclasses import dataclass

from gateway.core.audit.entries import Kind
from gateway.core.audit.event import About, By, Digest, Event, Family, Id, Number, OurWord, Severity


@dataclass(frozen=True, slots=True)
class ControlsRun(Event):
    """digest: hexadecimal SHA-256 of the run's results, as core/compliance/controls.py makes it."""

    kind = Kind.CONTROLS_RUN
    about = About(
        Family.EVIDENCE,
        Severity.INFORMATIONAL,
        By.GATEWAY,
        "Bastion looked at its controls. `digest` is that of the results, so the log shows whether one was changed.",
    )

    run: Number[int]
    digest: Digest[str]
    passed: Number[int]
    failed: Number[int]
    unknown: Number[int]


@dataclass(frozen=True, slots=True)
class ControlExcepted(Event):
    """The reason is in the table of exceptions alone, sealed. ends_at: Unix seconds."""

    kind = Kind.CONTROL_EXCEPTED
    about = About(
        Family.EVIDENCE,
        Severity.MEDIUM,
        By.OPERATOR,
        "An operator explained why a control may fail until `ends_at`. Its results stay as they are.",
    )

    control: OurWord[str]
    ends_at: Number[int]


@dataclass(frozen=True, slots=True)
class ReviewStarted(Event):
    """group "": of everybody. policy: the version in force. due_at: Unix seconds."""

    kind = Kind.REVIEW_STARTED
    about = About(
        Family.ACCESS,
        Severity.LOW,
        By.OPERATOR,
        "An access review began, with so many `lines`: the people of a `group`, or everybody.",
    )

    review: Number[int]
    group: Id[str]
    policy: Digest[str]
    lines: Number[int]
    due_at: Number[int]


@dataclass(frozen=True, slots=True)
class ReviewDecided(Event):
    """decision: keep or remove. reviewer: the id of the person who decided."""

    kind = Kind.REVIEW_DECIDED
    about = About(
        Family.ACCESS,
        Severity.LOW,
        By.OPERATOR,
        "A `reviewer` decided whether a person keeps their access. `remove` took the group away, or disabled the"
        " person in a review of everybody.",
    )

    review: Number[int]
    decision: OurWord[str]
    reviewer: Id[str]


@dataclass(frozen=True, slots=True)
class ReviewFinished(Event):
    kind = Kind.REVIEW_FINISHED
    about = About(Family.ACCESS, Severity.LOW, By.OPERATOR, "An access review is finished: each line was decided.")

    review: Number[int]
    kept: Number[int]
    removed: Number[int]
