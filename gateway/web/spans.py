"""Says spans of time to people."""

from gateway.core.units import HOUR_S, MINUTE_S


def counted(count: int, unit: str) -> str:
    """ "1 day", "2 days"."""
    return f"{count} {unit}{'' if count == 1 else 's'}"


def wait(seconds: int) -> str:
    """Rounded up, in the largest unit that fits: whoever waits that long has waited long enough."""
    for unit_s, unit in ((HOUR_S, "hour"), (MINUTE_S, "minute")):
        if seconds >= unit_s:
            return counted(-(-seconds // unit_s), unit)
    return counted(seconds, "second")
