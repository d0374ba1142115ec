"""Owns the section `oauth`."""

from gateway.config.setting import Section, setting
from gateway.config.values import Network


class OAuth(Section):
    """What Bastion does for apps, the clients of the policy."""

    allow_networks: tuple[Network, ...] = setting(
        (),
        "Internal networks in which Bastion may reach apps, to tell them of logouts and to fetch their keys. Empty "
        "means none.",
        "a list of addresses or CIDRs",
        kind="list",
        example="[10.20.0.0/24]",
    )
