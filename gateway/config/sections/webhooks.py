"""Owns the section `webhooks`."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, StrictInt

from gateway.config.setting import Finding, Grade, Section, setting
from gateway.config.values import Duration, Network
from gateway.core.webhooks.endpoint import MOST_ENDPOINTS


class WebhooksSection(Section):
    """Events for other systems. `bastion webhook` adds the endpoints that get them."""

    allow_networks: tuple[Network, ...] = setting(
        (),
        "Internal networks in which Bastion may reach endpoints, also by http. Empty means none.",
        "a list of addresses or CIDRs",
        kind="list",
        example="[10.30.0.0/24]",
    )
    timeout_s: Annotated[Duration, Field(ge=1, le=60)] = setting(
        "15s", "A slower answer counts as a failed delivery.", "a duration from 1s to 60s"
    )
    endpoints: Annotated[StrictInt, Field(ge=1, le=MOST_ENDPOINTS)] = setting(
        50, "So many endpoints there may be.", f"a number from 1 to {MOST_ENDPOINTS}", kind="scalar"
    )

    def findings(self) -> Iterator[Finding]:
        if any(not network.prefixlen for network in self.allow_networks):
            message = "opens every address, also those of this machine; expected the networks of the receivers"
            yield Finding("webhooks.allow_networks", message, Grade.DOUBTFUL)
