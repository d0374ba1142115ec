"""A request that somebody describes in a form, to see what the policy would say of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from gateway.core.addresses import read_address
from gateway.core.analysis.simulate import Asked
from gateway.core.assurance.model import METHODS, OTP, PWD, UNKNOWN_RISK, Assurance, bits_of
from gateway.core.errors import GatewayError
from gateway.core.policy.facts import Actor
from gateway.core.units import DURATION_UNITS

_MOST_RISK: Final = 100
_NO_URL: Final = "expected a URL such as https://wiki.example.com/path"
_MOST_DIGITS: Final = 9


class BadTry(GatewayError):
    """What was typed describes no request; the message says what is expected."""


def tried(fields: Mapping[str, str], groups: frozenset[str], now: int) -> Asked:
    """fields: method, url, user, groups, authenticated, mfa, amr, risk, address, at; "" for what is not known.

    groups: of the person, where the form names none. Raises BadTry.
    """
    (host, target), method = _split(fields.get("url", "")), fields.get("method", "").strip() or "GET"
    at = _time(fields.get("at", ""), now)
    text = fields.get("address", "").strip()
    address = read_address(text) if text else None
    if text and address is None:
        raise BadTry(f"{text[:64]!r} is no address; expected an IP address, or nothing where it is not known")
    kind = "navigate" if method in ("GET", "HEAD") else "fetch"
    return Asked(method, host, target, _person(fields, groups, at), address, at, {}, kind)


def words_of(text: str) -> frozenset[str]:
    """Separated by spaces or commas."""
    return frozenset(text.replace(",", " ").split())


def _split(text: str) -> tuple[str, str]:
    """Host, and path with query. Raises BadTry."""
    try:
        url = urlsplit(text.strip())
    except ValueError as error:
        raise BadTry(_NO_URL) from error
    if not url.hostname or url.scheme not in ("https", "http"):
        raise BadTry(_NO_URL)
    return url.hostname, (url.path or "/") + (f"?{url.query}" if url.query else "")


def _person(fields: Mapping[str, str], groups: frozenset[str], now: int) -> Actor | None:
    """None: nobody is named."""
    user = fields.get("user", "").strip()
    if not user:
        return None
    mfa_s, methods = _age(fields.get("mfa", "")), words_of(fields.get("amr", ""))
    if unknown := sorted(methods - METHODS.keys()):
        raise BadTry(f"{unknown[0][:40]!r} is no method; expected some of {', '.join(METHODS)}")
    usual = PWD if mfa_s is None else PWD | OTP
    proven = Assurance(
        now - (_age(fields.get("authenticated", "")) or 0),
        0 if mfa_s is None else now - mfa_s,
        bits_of(methods) if methods else usual,
        _risk(fields.get("risk", "")),
    )
    return Actor(user, words_of(fields.get("groups", "")) or groups, proven)


def _age(text: str) -> int | None:
    """Seconds; None: nothing is there."""
    text = text.strip()
    if not text:
        return None
    count, unit = text[:-1], text[-1]
    if not (count.isascii() and count.isdecimal() and len(count) <= _MOST_DIGITS and unit in DURATION_UNITS):
        raise BadTry(f"{text[:40]!r} is no duration; expected one such as 30s, 10m, 2h or 1d")
    return int(count) * DURATION_UNITS[unit]


def _risk(text: str) -> int:
    text = text.strip()
    if not text:
        return UNKNOWN_RISK
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS and int(text) <= _MOST_RISK):
        raise BadTry(f"{text[:40]!r} is no score; expected a number from 0 to {_MOST_RISK}")
    return int(text)


def _time(text: str, now: int) -> int:
    """As a browser's field has it, in UTC."""
    if not text.strip():
        return now
    try:
        return int(datetime.fromisoformat(text.strip()).replace(tzinfo=UTC).timestamp())
    except (ValueError, OverflowError) as error:
        raise BadTry(f"{text[:40]!r} is no time; expected one such as 2026-12-24T18:00, in UTC") from error
