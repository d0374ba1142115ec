"""Events of people who are locked out after wrong passwords or codes. The names of fields are in stored entries."""

from dataclasses import dataclass

from gateway.core.audit.entries import Kind
from gateway.core.audit.event import About, By, Digest, Event, Family, Number, OurWord, Sealed, Severity


@dataclass(frozen=True, slots=True)
class Locked(Event):
    """proving: password or factor. device: known or strange. until: Unix seconds. Nobody's where unknown_name is."""

    kind = Kind.LOCKED
    about = About(
        Family.SIGNING_IN,
        Severity.MEDIUM,
        By.GATEWAY,
        "Too many wrong passwords or codes (`proving`) locked a person out `until` then, on one device that the person"
        " logged in from before or on all others (`device`: `known` or `strange`). The last one came from `address`."
        " With `unknown_name`: nobody has that name, so nobody is locked out.",
    )

    proving: OurWord[str]
    device: OurWord[str]
    until: Number[int]
    address: Sealed[str]
    user_agent: Sealed[str]
    unknown_name: Digest[str | None] = None


@dataclass(frozen=True, slots=True)
class Unlocked(Event):
    """locks: proving and device of each, as in Locked. why by_link: its person opened them for one browser."""

    kind = Kind.UNLOCKED
    about = About(
        Family.SIGNING_IN,
        Severity.LOW,
        By.SEVERAL,
        "An operator ended all `locks` of a person. With `why` `by_link` the person did so with a mailed link, for one"
        " browser.",
    )

    locks: OurWord[tuple[str, ...]]
    why: OurWord[str | None] = None
    reason: Sealed[str | None] = None

    @property
    def by(self) -> By:
        return By.PERSON if self.why == "by_link" else By.OPERATOR
