"""Moments as pages of the console write them: what a machine reads, and words beside it."""

from collections.abc import Mapping

from gateway.core.units import DAY_S
from gateway.web.account import ago, iso
from gateway.web.spans import counted, wait


def moment(at: int | None, now: int) -> Mapping[str, str] | None:
    """For the macros of console/parts.html. Unix seconds."""
    if at is None:
        return None
    text = ago(now - at) if at <= now else f"in {_span(at - now)}"
    return {"iso": iso(at), "date": iso(at).partition("T")[0], "text": text}


def _span(seconds: int) -> str:
    return counted(seconds // DAY_S, "day") if seconds >= DAY_S else wait(seconds)
