"""Owns the settings of an emergency: closed apps, a second factor of everybody, stopped logins, sessions that end.

A setting that can't be read holds as far as its key says: an emergency fails closed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

from gateway.core.admin.acts import AdminAct
from gateway.core.errors import GatewayError
from gateway.core.policy.overlay import NO_OVERLAY, ClosedApp, Overlay

WhoseSessions = Literal["all", "app", "group", "before"]  # whose sessions end
PREFIX: Final = "emergency."
WORDS_CHARS: Final = 300
_CLOSED: Final = "closed"
_OPEN: Final = "open"
_ON: Final = "on"


class BadEmergency(GatewayError):
    """What was asked for is not possible; the message says why."""


class Measure(Enum):
    """The values are in the audit log, in settings and on the command line: they never change."""

    CLOSE = "close"
    REQUIRE_MFA = "require-mfa"
    STOP_LOGINS = "stop-logins"
    END_SESSIONS = "end-sessions"

    @property
    def act(self) -> AdminAct:
        """What a role has to be allowed, to begin it and to undo it."""
        owners = self in (Measure.REQUIRE_MFA, Measure.END_SESSIONS)
        return AdminAct.EMERGENCY_OF_ALL if owners else AdminAct.EMERGENCY


STOP_LOGINS_KEY: Final = PREFIX + Measure.STOP_LOGINS.value


def key_of(measure: Measure, name: str = "") -> str:
    """name: of an app, or the number of an end of sessions."""
    return f"{PREFIX}{measure.value}" + (f".{name}" if name else "")


def named_by(key: str) -> tuple[Measure, str] | None:
    """None: no key of an emergency, or one of a newer version."""
    value, _dot, name = key.removeprefix(PREFIX).partition(".")
    if not key.startswith(PREFIX) or value not in [one.value for one in Measure]:
        return None
    return Measure(value), name


def closing_value(app: ClosedApp) -> str:
    """As the database has it."""
    return json.dumps({"hosts": app.hosts, "beside": app.beside, "words": app.words}, separators=(",", ":"))


def value_of(measure: Measure, *, closes: bool = False) -> str:
    """Of all measures but CLOSE. closes: all apps until the sessions have ended."""
    if measure is Measure.END_SESSIONS:
        return _CLOSED if closes else _OPEN
    return _ON


def check_words(words: str) -> None:
    """Raises BadEmergency."""
    if len(words) > WORDS_CHARS or not (words.isprintable() or not words):
        raise BadEmergency(f"the words for visitors are one line of at most {WORDS_CHARS} characters")


@dataclass(frozen=True, slots=True)
class InForce:
    """One measure. name: as of key_of. until: Unix seconds, None: until it is undone. closes: as of value_of."""

    measure: Measure
    name: str
    until: int | None
    closes: bool = False

    @property
    def key(self) -> str:
        return key_of(self.measure, self.name)

    @property
    def text(self) -> str:
        """For people."""
        match self.measure:
            case Measure.CLOSE:
                return f"The app {self.name} is closed."
            case Measure.REQUIRE_MFA:
                return "Every page that asks who somebody is needs a second factor."
            case Measure.STOP_LOGINS:
                return "Nobody signs in but people with a role."
            case Measure.END_SESSIONS:
                return "Sessions are being ended." + (" All apps are closed until then." if self.closes else "")


@dataclass(frozen=True, slots=True)
class Emergency:
    """All that is in force. trouble: keys that this version does not know."""

    in_force: tuple[InForce, ...] = ()
    overlay: Overlay = NO_OVERLAY
    trouble: tuple[str, ...] = ()


NO_EMERGENCY: Final = Emergency()


def emergency_of(stored: Mapping[str, tuple[str, int | None]]) -> Emergency:
    """stored: value and until by key; keys of other settings are passed over."""
    found, closed, trouble = list[InForce](), list[ClosedApp](), list[str]()
    for key, (value, until) in stored.items():
        if not key.startswith(PREFIX):
            continue
        named = named_by(key)
        if named is None:
            trouble.append(f"{key}: this version knows no such emergency")
            continue
        measure, name = named
        if measure is Measure.CLOSE:
            closed.append(_read_closed(name, value))
        found.append(InForce(measure, name, until, closes=measure is Measure.END_SESSIONS and value != _OPEN))
    overlay = Overlay(
        tuple(closed),
        closes_all=any(one.closes for one in found),
        require_mfa=any(one.measure is Measure.REQUIRE_MFA for one in found),
    )
    return Emergency(tuple(found), overlay, tuple(trouble))


def _read_closed(name: str, value: str) -> ClosedApp:
    """By its name alone where the value can't be read."""
    try:
        kept = json.loads(value)
        return ClosedApp(name, tuple(map(str, kept["hosts"])), tuple(map(str, kept["beside"])), str(kept["words"]))
    except (ValueError, KeyError, TypeError):
        return ClosedApp(name)
