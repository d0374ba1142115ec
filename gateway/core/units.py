"""Owns what the units of time are, in seconds."""

from typing import Final

MINUTE_S: Final = 60
HOUR_S: Final = 3600
DAY_S: Final = 86_400
DURATION_UNITS: Final = {"s": 1, "m": MINUTE_S, "h": HOUR_S, "d": DAY_S}  # of 30m
RATE_UNITS: Final = {"s": 1, "min": MINUTE_S, "h": HOUR_S, "d": DAY_S}  # of 600/min
