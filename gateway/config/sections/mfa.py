"""Owns the section `mfa`."""

from typing import Annotated, Literal

from pydantic import Field, StrictStr

from gateway.config.setting import Section, setting


class Mfa(Section):
    """Second factors and passkeys."""

    ask: Literal["always", "risk"] = setting(
        "always",
        "When a person with a second factor is asked for it. always: at each login. risk: from risk.step_up_at on, and "
        "where a policy requires it.",
        "always or risk",
    )
    rp_id: Annotated[StrictStr, Field(pattern=r"^([a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*)?$")] = setting(
        "",
        "The RP ID that passkeys belong to: the auth host, or a domain above it. Empty means the auth host. If you "
        "change it, all passkeys stop working.",
        "the auth host or a domain above it",
        example="auth.example.com",
    )
