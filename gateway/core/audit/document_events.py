"""What the audit log tells of published documents, of answers to them, and of retention: a part of the catalogue."""

from dataclasses import dataclass

from gateway.core.audit.entries import Kind
from gateway.core.audit.event import About, By, Digest, Event, Family, Id, Number, OurWord, Sealed, Severity


@dataclass(frozen=True, slots=True)
class DocumentPublished(Event):
    """digests: hexadecimal SHA-256 of the texts, in the order of the languages. required_from: Unix seconds."""

    kind = Kind.DOCUMENT_PUBLISHED
    about = About(
        Family.SETTINGS,
        Severity.LOW,
        By.OPERATOR,
        "Terms, a notice or a consent (`document`) were published. With `required_from` no app opens from then on"
        " before a person accepts them.",
    )

    document: OurWord[str]
    version: Id[str]
    languages: Id[tuple[str, ...]]
    digests: Digest[tuple[str, ...]]
    required_from: Number[int | None]


@dataclass(frozen=True, slots=True)
class DocumentRetired(Event):
    kind = Kind.DOCUMENT_RETIRED
    about = About(
        Family.SETTINGS,
        Severity.LOW,
        By.OPERATOR,
        "A document is asked of nobody any more, nor is a version before it.",
    )

    document: OurWord[str]
    version: Id[str]


@dataclass(frozen=True, slots=True)
class _Answered(Event):
    """digest: hexadecimal SHA-256 of the text that was shown."""

    document: OurWord[str]
    version: Id[str]
    language: Id[str]
    digest: Digest[str]
    login: Id[str]
    address: Sealed[str]
    user_agent: Sealed[str]


@dataclass(frozen=True, slots=True)
class DocumentAccepted(_Answered):
    kind = Kind.DOCUMENT_ACCEPTED
    about = About(Family.PEOPLE, Severity.INFORMATIONAL, By.PERSON, "A person accepted a published document.")


@dataclass(frozen=True, slots=True)
class DocumentDeclined(_Answered):
    kind = Kind.DOCUMENT_DECLINED
    about = About(
        Family.PEOPLE,
        Severity.LOW,
        By.PERSON,
        "A person declined a published document. Sessions go on; where the document is required, no further app opens.",
    )


@dataclass(frozen=True, slots=True)
class DocumentWithdrawn(_Answered):
    kind = Kind.DOCUMENT_WITHDRAWN
    about = About(Family.PEOPLE, Severity.LOW, By.PERSON, "A person withdrew what they accepted before.")


@dataclass(frozen=True, slots=True)
class RetentionRan(Event):
    """until: what is as old as this was taken, in Unix seconds."""

    kind = Kind.RETENTION_RAN
    about = About(
        Family.SETTINGS,
        Severity.INFORMATIONAL,
        By.GATEWAY,
        "A `rule` of retention took what was too old: so many logins, messages, months of the log or people (`taken`).",
    )

    rule: OurWord[str]
    taken: Number[int]
    until: Number[int]


@dataclass(frozen=True, slots=True)
class RetentionStopped(Event):
    """why: clock or brake. wanted: how many it may not take unasked."""

    kind = Kind.RETENTION_STOPPED
    about = About(
        Family.SETTINGS,
        Severity.MEDIUM,
        By.GATEWAY,
        "A `rule` of retention took nothing. `why`: `clock`, the log has entries of the future; `brake`, it wanted more"
        " people, or younger months, than a run may take before an operator approves.",
    )

    rule: OurWord[str]
    why: OurWord[str]
    wanted: Number[int | None] = None


@dataclass(frozen=True, slots=True)
class RetentionApproved(Event):
    """wanted: how many the next run may take."""

    kind = Kind.RETENTION_APPROVED
    about = About(
        Family.SETTINGS,
        Severity.MEDIUM,
        By.OPERATOR,
        "An operator let the next run of a `rule` take what the brake had stopped.",
    )

    rule: OurWord[str]
    wanted: Number[int]
