"""What the audit log tells of apps that get tokens: a part of the catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.core.audit.entries import Kind
from gateway.core.audit.event import (
    About,
    AppEvent,
    By,
    Digest,
    Event,
    Family,
    Host,
    Id,
    Number,
    OurWord,
    Sealed,
    Severity,
)

# Whoever is not named here: the gateway itself.
_DONE_BY: Final[Mapping[str, By]] = {
    "revoked": By.APP,
    "ended_by_person": By.PERSON,
    "ended_by_link": By.PERSON,  # of a notice, which asks for the name and no login
    "ended_by_operator": By.OPERATOR,
    "client_disabled": By.OPERATOR,
    "made_by_person": By.PERSON,
    "made_by_operator": By.OPERATOR,
}


@dataclass(frozen=True, slots=True)
class AppConsentGiven(AppEvent):
    """scopes: all that the app may do from now on."""

    kind = Kind.APP_CONSENT_GIVEN
    about = About(
        Family.APPS,
        Severity.INFORMATIONAL,
        By.PERSON,
        "A person let an app do what `scopes` say, at `resource`. The app asks again only for more.",
    )

    scopes: Id[tuple[str, ...]]
    resource: Id[str]


@dataclass(frozen=True, slots=True)
class GrantIssued(AppEvent):
    """grant: its id. scopes: as the person consented to them."""

    kind = Kind.GRANT_ISSUED
    about = About(
        Family.APPS,
        Severity.INFORMATIONAL,
        By.APP,
        "An app got tokens. `subject` is the person for whom it acts; an app that acts for itself has none.",
    )

    grant: Id[str]
    login: Id[str | None]
    scopes: Id[tuple[str, ...]]
    resource: Id[str]


@dataclass(frozen=True, slots=True)
class GrantEnded(AppEvent):
    """why: revoked (by the app), or ended_by_person, _link, _operator, or what the gateway ended it for."""

    kind = Kind.GRANT_ENDED
    about = About(
        Family.APPS,
        Severity.LOW,
        By.SEVERAL,
        "The tokens of a grant are worth nothing any more. A grant also ends with its login, which this kind does not"
        " tell again.",
    )

    grant: Id[str]
    why: OurWord[str]

    @property
    def by(self) -> By:
        return _DONE_BY.get(self.why, By.GATEWAY)


@dataclass(frozen=True, slots=True)
class CodeReused(AppEvent):
    kind = Kind.CODE_REUSED
    about = About(
        Family.APPS,
        Severity.MEDIUM,
        By.GATEWAY,
        "An authorization code came a second time, so that it may have been stolen. Its grant ended.",
    )

    grant: Id[str]


@dataclass(frozen=True, slots=True)
class RefreshReused(AppEvent):
    kind = Kind.REFRESH_REUSED
    about = About(
        Family.APPS,
        Severity.MEDIUM,
        By.GATEWAY,
        "A refresh token that was replaced before came again, so that it may have been stolen. Its grant ended.",
    )

    grant: Id[str]


@dataclass(frozen=True, slots=True)
class ClientAdded(AppEvent):
    """settings: JSON, without a secret; digest: SHA-256 of that. diff: as core/audit/changes.py makes it."""

    kind = Kind.CLIENT_ADDED
    about = About(Family.APPS, Severity.LOW, By.OPERATOR, "An app was registered by command, with these settings.")

    digest: Digest[str]
    settings: Sealed[str]
    diff: Sealed[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ClientChanged(AppEvent):
    """settings: JSON, as they are now. version: grows with each change. changed: which settings differ.

    digest, diff: as of ClientAdded.
    """

    kind = Kind.CLIENT_CHANGED
    about = About(
        Family.APPS, Severity.LOW, By.OPERATOR, "A registered app has other settings now, or was enabled again."
    )

    state: OurWord[str]
    version: Number[int]
    changed: Id[tuple[str, ...]]
    digest: Digest[str]
    settings: Sealed[str]
    diff: Sealed[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ClientDisabled(AppEvent):
    kind = Kind.CLIENT_DISABLED
    about = About(
        Family.APPS,
        Severity.LOW,
        By.OPERATOR,
        "A registered app gets no tokens any more. `grant_ended` tells of each grant that it had.",
    )


@dataclass(frozen=True, slots=True)
class ClientSecretRotated(AppEvent):
    kind = Kind.CLIENT_SECRET_ROTATED
    about = About(
        Family.APPS, Severity.LOW, By.OPERATOR, "A registered app has another secret. The one before is worth nothing."
    )

    diff: Sealed[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ApiKeyCreated(Event):
    """key: its id. why: made_by_person or made_by_operator. name: what it is called.

    expires_at: Unix seconds, 0 for never.
    """

    kind = Kind.API_KEY_CREATED
    about = About(
        Family.APPS,
        Severity.LOW,
        By.SEVERAL,
        "A person has a new API key, for these scopes and hosts. With `expires_at` 0 it never expires.",
    )

    key: Id[str]
    why: OurWord[str]
    scopes: Id[tuple[str, ...]]
    hosts: Host[tuple[str, ...]]
    networks: Sealed[tuple[str, ...]]
    expires_at: Number[int]
    name: Sealed[str]

    @property
    def by(self) -> By:
        return _DONE_BY.get(self.why, By.GATEWAY)


@dataclass(frozen=True, slots=True)
class ApiKeyRevoked(Event):
    """why: ended_by_person, ended_by_link or ended_by_operator."""

    kind = Kind.API_KEY_REVOKED
    about = About(
        Family.APPS, Severity.INFORMATIONAL, By.SEVERAL, "An API key was ended, and no node accepts it any more."
    )

    key: Id[str]
    why: OurWord[str]

    @property
    def by(self) -> By:
        return _DONE_BY.get(self.why, By.GATEWAY)
