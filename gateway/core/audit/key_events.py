"""What the audit log tells of the keys that sign tokens: a part of the catalogue."""

from dataclasses import dataclass
from typing import Final

from gateway.core.audit.entries import Kind
from gateway.core.audit.event import About, By, Event, Family, Id, Number, OurWord, Severity

_BY_OPERATOR: Final = frozenset({"by_operator", "after_compromise"})


@dataclass(frozen=True, slots=True)
class _KeyEvent(Event):
    """kid: the key's name, as in tokens. why: missing, rotation, by_operator or after_compromise."""

    kid: Id[str]
    alg: OurWord[str]
    why: OurWord[str]

    @property
    def by(self) -> By:
        return By.OPERATOR if self.why in _BY_OPERATOR else By.GATEWAY


@dataclass(frozen=True, slots=True)
class SigningKeyCreated(_KeyEvent):
    """active_from: Unix seconds."""

    kind = Kind.SIGNING_KEY_CREATED
    about = About(
        Family.APPS,
        Severity.LOW,
        By.SEVERAL,
        "A key was made that signs tokens from `active_from` on. `by_operator` and `after_compromise` are an"
        " operator's, all else the gateway's.",
    )

    active_from: Number[int]


@dataclass(frozen=True, slots=True)
class SigningKeyRetired(_KeyEvent):
    """retire_at: Unix seconds."""

    kind = Kind.SIGNING_KEY_RETIRED
    about = About(
        Family.APPS,
        Severity.LOW,
        By.SEVERAL,
        "A key signs nothing more from `retire_at` on. What it signed stays good for a day. `by_operator` and"
        " `after_compromise` are an operator's, all else the gateway's.",
    )

    retire_at: Number[int]


@dataclass(frozen=True, slots=True)
class KeyRotationBegun(Event):
    """master, previous: ids of master keys."""

    kind = Kind.KEY_ROTATION_BEGUN
    about = About(
        Family.SETTINGS,
        Severity.MEDIUM,
        By.OPERATOR,
        "The master key `master` wraps new keys in place of `previous`. From now on all others are wrapped anew.",
    )

    master: Id[str]
    previous: Id[str]


@dataclass(frozen=True, slots=True)
class KeyRotationDone(Event):
    """master: id of a master key."""

    kind = Kind.KEY_ROTATION_DONE
    about = About(Family.SETTINGS, Severity.LOW, By.GATEWAY, "All keys are wrapped under the master key `master`.")

    master: Id[str]


@dataclass(frozen=True, slots=True)
class SigningKeyCompromised(_KeyEvent):
    """why: also remembered, where a restored database had it back."""

    kind = Kind.SIGNING_KEY_COMPROMISED
    about = About(
        Family.APPS,
        Severity.MEDIUM,
        By.SEVERAL,
        "An operator said that a signing key is in wrong hands (`by_operator`), or the gateway found such a key in a"
        " restored database (`remembered`). Nothing that it signed is accepted any more.",
    )


@dataclass(frozen=True, slots=True)
class SigningKeyExported(_KeyEvent):
    kind = Kind.SIGNING_KEY_EXPORTED
    about = About(
        Family.APPS,
        Severity.MEDIUM,
        By.OPERATOR,
        "An operator asked for a copy of a private key, encrypted. Whoever has it and the passphrase can sign tokens.",
    )
