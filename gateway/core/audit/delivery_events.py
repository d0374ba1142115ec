"""What the audit log tells of deliveries, and of endpoints, where webhooks go: a part of the catalogue."""

from dataclasses import dataclass

from gateway.core.audit.entries import Kind
from gateway.core.audit.event import About, By, Event, Family, Id, Number, OurWord, Severity


@dataclass(frozen=True, slots=True)
class DeliveryDead(Event):
    """message: the kind of what was to be delivered. destination: its name, without an address."""

    kind = Kind.DELIVERY_DEAD
    about = About(
        Family.DELIVERY,
        Severity.MEDIUM,
        By.GATEWAY,
        "Messages for a destination are no longer tried. The log says so again only after an hour without another one."
        " `bastion outbox list --dead` shows them.",
    )

    message: OurWord[str]
    destination: Id[str]


@dataclass(frozen=True, slots=True)
class EndpointEvent(Event):
    """endpoint: its id. An event that tells of an endpoint does not go to that endpoint."""

    endpoint: Id[str]


@dataclass(frozen=True, slots=True)
class EndpointAdded(EndpointEvent):
    """events: kinds, and family:<name>. options: of ordered and personal."""

    kind = Kind.ENDPOINT_ADDED
    about = About(
        Family.DELIVERY,
        Severity.MEDIUM,
        By.OPERATOR,
        "A [webhook](webhooks.md) endpoint was added. With `personal`, it gets personal data of entries, too.",
    )

    events: OurWord[tuple[str, ...]]
    options: OurWord[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class EndpointChanged(EndpointEvent):
    """changed: resumed or secret."""

    kind = Kind.ENDPOINT_CHANGED
    about = About(
        Family.DELIVERY,
        Severity.LOW,
        By.OPERATOR,
        "An endpoint was `resumed`, or has another `secret`: `changed` says which.",
    )

    changed: OurWord[str]


@dataclass(frozen=True, slots=True)
class EndpointRemoved(EndpointEvent):
    kind = Kind.ENDPOINT_REMOVED
    about = About(Family.DELIVERY, Severity.MEDIUM, By.OPERATOR, "An endpoint was removed, with what waited for it.")


@dataclass(frozen=True, slots=True)
class EndpointPaused(EndpointEvent):
    """why: by_operator, failing or gone."""

    kind = Kind.ENDPOINT_PAUSED
    about = About(
        Family.DELIVERY,
        Severity.MEDIUM,
        By.SEVERAL,
        "An endpoint gets no messages until it is resumed. `why`: an operator paused it (`by_operator`), it failed for"
        " 5 days (`failing`), or its receiver answered 410 (`gone`).",
    )

    why: OurWord[str]

    @property
    def by(self) -> By:
        return By.OPERATOR if self.why == "by_operator" else By.GATEWAY


@dataclass(frozen=True, slots=True)
class DeliveriesReplayed(EndpointEvent):
    """after: the position behind which the endpoint begins again."""

    kind = Kind.DELIVERIES_REPLAYED
    about = About(
        Family.DELIVERY,
        Severity.LOW,
        By.OPERATOR,
        "An endpoint gets all that lies behind the position `after`, once more or for the first time.",
    )

    after: Number[int]
