"""How commands write and read times."""

from datetime import UTC, datetime

import click

from gateway.config.values import parse_duration


def utc(at: int) -> str:
    """at: Unix seconds."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def moment(text: str, now: int, option: str) -> int:
    """In Unix seconds: `2h` before now, or a time, which is UTC unless it has a zone. Raises click.UsageError."""
    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise click.UsageError(f"{option} {text!r}: write 30m, 2h or 7d, or a time such as 2026-01-31T08:00") from None


def later(text: str, now: int, option: str) -> int:
    """In Unix seconds: `4h` after now, or a time as of moment(). Raises click.UsageError, also for the past."""
    try:
        at = now + parse_duration(text)
    except ValueError:
        at = moment(text, now, option)
    if at <= now:
        raise click.UsageError(f"{option} {text!r} is over already")
    return at


def when(text: str, now: int, option: str) -> int:
    """In Unix seconds: `now`, `14d` after now, or a time of moment(), past ones too. Raises click.UsageError."""
    if text == "now":
        return now
    try:
        return now + parse_duration(text)
    except ValueError:
        return moment(text, now, option)
