"""Owns the section `oauth`."""

from collections.abc import Iterator
from typing import Literal

from gateway.config.setting import Finding, Grade, Section, setting
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
    dpop_nonces: Literal["always", "never"] = setting(
        "always",
        "Whether a DPoP proof needs a nonce of ours. With never, a client needs no second try after use_dpop_nonce; "
        "after a failover of Redis that lost writes, a proof of its last seconds passes once more.",
        "always or never",
    )

    def findings(self) -> Iterator[Finding]:
        if self.dpop_nonces == "never":
            message = "is never: a DPoP proof that somebody saw passes again after a failover of Redis; expected always"
            yield Finding("oauth.dpop_nonces", message, Grade.DOUBTFUL)
