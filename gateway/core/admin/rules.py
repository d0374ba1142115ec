"""Owns the terms of the console: from where it answers, how long it is open, how fresh a second factor has to be."""

from dataclasses import dataclass
from typing import Final

from gateway.core.addresses import Address
from gateway.core.assurance.need import Need
from gateway.core.policy.networks import NetworkSet
from gateway.core.units import MINUTE_S

_GRACE_S: Final = 2 * MINUTE_S  # a form that was filled in


@dataclass(frozen=True, slots=True)
class ConsoleRules:
    """networks: from where the console answers at all; none: from everywhere. fresh_s: how old a second factor may be
    for an act. bind_address: it ends at another address.
    """

    networks: NetworkSet
    session_s: int
    idle_s: int
    fresh_s: int
    bind_address: bool

    def reaches(self, address: Address | None) -> bool:
        """An address that is not known is in no network."""
        return not self.networks.networks or (address is not None and address in self.networks)

    @property
    def need(self) -> Need:
        """What opens the console, and a page that confirms an act."""
        return Need(mfa=True, within_s=self.fresh_s)

    @property
    def need_of_post(self) -> Need:
        return Need(mfa=True, within_s=self.fresh_s + _GRACE_S)
