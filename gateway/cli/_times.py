"""How commands write times."""

from datetime import UTC, datetime


def utc(at: int) -> str:
    """at: Unix seconds."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
