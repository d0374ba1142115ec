"""Owns the section `mfa`."""

from typing import Annotated

from pydantic import Field, StrictStr

from gateway.config.setting import Section, setting


class Mfa(Section):
    """Second factors and passkeys."""

    rp_id: Annotated[StrictStr, Field(pattern=r"^([a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*)?$")] = setting(
        "",
        "The RP ID that passkeys belong to: the auth host, or a domain above it. Empty means the auth host. If you "
        "change it, all passkeys stop working.",
        "the auth host or a domain above it",
        example="auth.example.com",
    )
