"""Owns what the console may change of the named rate limits while Bastion runs: rate and burst, within bounds."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from gateway.core.errors import GatewayError
from gateway.core.ratelimit.gcra import MOST_A_SECOND, Limit, most_at_once
from gateway.core.units import MINUTE_S, RATE_UNITS

KEY: Final = "limits."
MOST_BURST: Final = 10_000_000
_FAR: Final = 10
_MOST_DIGITS: Final = 8
_FEWEST_LOGINS: Final = 3  # a minute: fewer, and the console could lock everybody out
_RATE: Final = re.compile(r"([1-9][0-9]{0,7})/(s|min|h|d)", re.ASCII)
_VALUE: Final = re.compile(r"([^;]+);burst=([1-9][0-9]{0,7})", re.ASCII)
_OF_LOGINS: Final = ("AUTH.", "PASSWORD.")


class BadSetting(GatewayError):
    """What was typed is no value of this setting; the message says what is."""


@dataclass(frozen=True, slots=True)
class LimitValue:
    """Of one named limit. period_s: 1, 60, 3600 or 86400."""

    count: int
    period_s: int
    burst: int

    @property
    def rate(self) -> str:
        """As the configuration has it: 10/min."""
        unit = next(name for name, seconds in RATE_UNITS.items() if seconds == self.period_s)
        return f"{self.count}/{unit}"

    @property
    def text(self) -> str:
        """For people."""
        return f"{self.rate} burst {self.burst}"

    @property
    def stored(self) -> str:
        """As the database and the audit log have it: read_value() gives the same value again."""
        return f"{self.rate};burst={self.burst}"

    @property
    def per_minute(self) -> float:
        return self.count * MINUTE_S / self.period_s

    def on(self, limit: Limit) -> Limit:
        """The same limit with these numbers."""
        return replace(limit, count=self.count, period_us=self.period_s * 1_000_000, burst=self.burst)


def value_of(limit: Limit) -> LimitValue:
    """What the file says of it."""
    return LimitValue(limit.count, limit.period_us // 1_000_000, limit.burst)


def typed(rate: str, burst: str) -> LimitValue:
    """What an operator wrote. burst "": all of a period at once. Raises BadSetting."""
    found = _RATE.fullmatch(rate.strip())
    if found is None:
        raise BadSetting(f"{rate[:40]!r} is no rate; expected a count and a period, such as 10/min (s, min, h, d)")
    count, period_s = int(found[1]), RATE_UNITS[found[2]]
    if count > period_s * MOST_A_SECOND:
        raise BadSetting(f"{rate.strip()} is more than {MOST_A_SECOND} a second, which no bucket counts")
    given = burst.strip() or str(count)
    if not (given.isascii() and given.isdecimal() and len(given) <= _MOST_DIGITS and 1 <= int(given) <= MOST_BURST):
        raise BadSetting(f"{burst[:40]!r} is no burst; expected a whole number from 1 to {MOST_BURST}")
    most = most_at_once(count, period_s)
    if int(given) > most:
        raise BadSetting(
            f"a burst of {given} at {rate.strip()} takes over 100 years to refill; expected at most {most}"
        )
    return LimitValue(count, period_s, int(given))


def read_value(text: str) -> LimitValue:
    """Of a stored one. Raises BadSetting."""
    found = _VALUE.fullmatch(text)
    if found is None:
        raise BadSetting(f"{text[:60]!r} is no value of a limit")
    return typed(found[1], found[2])


def is_far(name: str, value: LimitValue, file: LimitValue) -> bool:
    """Whether it opens a door to guessers further than an admin may: more than ten times what the file says."""
    return name.startswith(_OF_LOGINS) and (
        value.per_minute > _FAR * file.per_minute or value.burst > _FAR * max(file.burst, 1)
    )


def check(name: str, value: LimitValue) -> None:
    """Raises BadSetting where a value would shut everybody out."""
    if name == "AUTH.LOGIN" and value.per_minute < _FEWEST_LOGINS:
        raise BadSetting(f"{value.rate} would keep people from signing in; expected at least {_FEWEST_LOGINS}/min")


def overlaid(limits: Mapping[str, Limit], stored: Mapping[str, str]) -> tuple[dict[str, Limit], list[str]]:
    """The limits in force, and what is wrong with stored settings: those that do not fit any more are out of force.

    stored: text by setting key.
    """
    found, trouble = dict(limits), list[str]()
    for key, text in stored.items():
        name = key.removeprefix(KEY)
        if not key.startswith(KEY) or name not in limits:
            trouble.append(f"{key}: there is no such setting")
            continue
        try:
            value = read_value(text)
            check(name, value)
        except BadSetting as error:
            trouble.append(f"{key}: {error}")
            continue
        found[name] = value.on(limits[name])
    return found, trouble
