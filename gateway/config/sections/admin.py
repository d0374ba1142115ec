"""Owns the section `admin`."""

from typing import Annotated

from pydantic import Field, StrictBool

from gateway.config.setting import Section, setting
from gateway.config.values import Duration, GroupName, Network, OwnListen, UserName
from gateway.core.units import DAY_S, HOUR_S, MINUTE_S


class AdminSection(Section):
    """The console at /admin on the auth host, for people with a role (docs/admin.md)."""

    enabled: StrictBool = setting(True, "Whether the console is there.", "true or false")
    networks: tuple[Network, ...] = setting(
        (),
        "From where the console answers. Everywhere else its addresses are 404. Empty means from everywhere.",
        "a list of addresses or CIDRs",
        kind="list",
        example="[10.20.0.0/24]",
    )
    listen: OwnListen = setting(
        "",
        "A listener for `/admin` alone; then server.web_listen has no console. Print Caddy's snippet again."
        " Empty means none.",
        "unix:/path or host:port, or nothing",
        example="unix:/run/bastion/admin.sock",
    )
    session_s: Annotated[Duration, Field(ge=5 * MINUTE_S, le=DAY_S)] = setting(
        "8h", "How long the console stays open after somebody entered it.", "a duration from 5m to 1d"
    )
    idle_s: Annotated[Duration, Field(ge=MINUTE_S, le=12 * HOUR_S)] = setting(
        "15m", "How long the console stays open without a page asked for.", "a duration from 1m to 12h"
    )
    fresh_s: Annotated[Duration, Field(ge=MINUTE_S, le=HOUR_S)] = setting(
        "5m", "How long ago a second factor may have been proven for an act.", "a duration from 1m to 1h"
    )
    bind_address: StrictBool = setting(
        True, "Whether the console ends when its person comes from another address.", "true or false"
    )
    protected_groups: tuple[GroupName, ...] = setting(
        (),
        "Groups that only owners give or take in the console. Elsewhere policy says what a group opens.",
        "a list of groups",
        kind="list",
        example="[payroll, domain-admins]",
    )
    protected_names: tuple[UserName, ...] = setting(
        (),
        "User names that only owners give to somebody in the console, beside those that policy has in `users`.",
        "a list of user names",
        kind="list",
        example="[root, backup]",
    )
    live_settings: StrictBool = setting(
        True,
        "Whether the console and `bastion settings` can change rate limits. With false the file alone counts.",
        "true or false",
    )
