"""Lists for a person what happened to them, from the audit log: their own entries alone, each as a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.audit.entries import Kind
from gateway.core.audit.own_words import TOLD_KINDS, Told, told
from gateway.core.units import DAY_S
from gateway.flows.act import Acts
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.people.countries import country_of
from gateway.flows.transaction import transaction
from gateway.stores.files.geoip import GeoIp
from gateway.stores.postgres.audit import ReadEntry
from gateway.stores.postgres.audit_search import AuditSearch, Filters

PAGE: Final = 25
_SHOWN_S: Final = 90 * DAY_S


@dataclass(frozen=True, slots=True, repr=False)
class Happened:
    """at: Unix seconds. user_agent, address, country: "" where they are not known. repr is left out: it is personal."""

    told: Told
    at: int
    user_agent: str
    address: str
    country: str


@dataclass(frozen=True, slots=True, repr=False)
class ActivityPage:
    """happened: the newest first. before: what show() takes for the next page; 0: there is none."""

    happened: Sequence[Happened]
    before: int


@dataclass(frozen=True, slots=True)
class OwnActivity:
    """Raises RecordUnavailable. A person who reads of themselves leaves no entry."""

    acts: Acts
    geoip: GeoIp

    async def show(self, live: LiveLogin, before: int) -> ActivityPage:
        """before: the id of an entry, 0 for the newest."""
        wanted = Filters(subject=live.person.user_id, kinds=TOLD_KINDS, since=self.acts.clock() - _SHOWN_S)
        async with transaction(self.acts.pool) as connection:
            found = await AuditSearch(connection, self.acts.vault).newest(wanted, PAGE + 1, before or None)
        shown = found[:PAGE]
        return ActivityPage([self._happened(one, live) for one in shown], shown[-1].entry.id if found[PAGE:] else 0)

    def _happened(self, read: ReadEntry, live: LiveLogin) -> Happened:
        entry, address = read.entry, str(read.personal.get("address", ""))
        return Happened(
            told(Kind(entry.kind), entry.actor, live.person.user_id, read.detail),
            entry.at,
            str(read.personal.get("user_agent", "")),
            address,
            country_of(self.geoip, address),
        )
