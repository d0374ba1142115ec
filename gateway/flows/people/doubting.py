"""Marks a password that somebody entered and did not get in by: others may know it (login-defence.md L18)."""

from typing import Literal
from uuid import UUID

from gateway.core.audit.login_events import PasswordDoubted
from gateway.flows.act import Act


async def doubt(act: Act, user_id: UUID, compared: bytes, why: Literal["abandoned", "blocked"]) -> None:
    """From the next attempt on it counts in the score, until it is changed. compared: as of an attempt."""
    if await act.doubts.add(user_id, compared, act.now):
        act.record(PasswordDoubted(user_id, why))
