"""Says which licence there is. No other flow asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.core.audit.evidence_events import LicenceInstalled
from gateway.core.licence import SEATS_WITHIN_S, BadLicence, Licence, LicenceState, read, state_of
from gateway.flows.act import Acts
from gateway.stores.files.checkpoints import newest_time
from gateway.stores.files.licences import read_licence_file, vendor_keys


@dataclass(frozen=True, slots=True)
class Licensed:
    """licence: None where there is none, or none that can be read; then why says why. key: whose signed it, "" for
    none. seats: people who logged in within 30 days.
    """

    state: LicenceState
    licence: Licence | None
    key: str
    why: str
    seats: int


@dataclass(frozen=True, slots=True)
class Licensing:
    """file: of this node; None: what was installed counts. own_keys: of the configuration, by key_id. checkpoints: the
    directory of this node's, which tell the time as entries do; None: it keeps none.
    """

    acts: Acts
    file: Path | None
    own_keys: Mapping[str, Ed25519PublicKey]
    checkpoints: Path | None = None

    async def show(self) -> Licensed:
        """Raises RecordUnavailable."""
        async with self.acts.begin() as act:
            seats = await act.licences.seats(act.now - SEATS_WITHIN_S)
            newest_at = await act.licences.newest_entry_at()
            installed = await act.licences.installed()
            now = act.now
        try:
            text = read_licence_file(self.file) if self.file is not None else installed
            if text is None:
                return Licensed(LicenceState.COMMUNITY, None, "", "", seats)
            licence, key = self.verify(text)
        except BadLicence as error:
            return Licensed(LicenceState.BROKEN, None, "", str(error), seats)
        if self.checkpoints is not None:
            newest_at = max(newest_at, newest_time(self.checkpoints))
        return Licensed(state_of(licence, now, newest_at), licence, key, "", seats)

    def verify(self, text: str) -> tuple[Licence, str]:
        """The licence, and whose key signed it; an operator's says nothing of a vendor (E23). Raises BadLicence."""
        try:
            return read(text, vendor_keys()), "vendor"
        except BadLicence:
            return read(text, self.own_keys), "licence.public_keys"

    async def install(self, text: str, operator: str) -> Licence:
        """For the whole fleet. Raises BadLicence and RecordUnavailable."""
        licence, _ = self.verify(text)
        async with self.acts.begin(operator=operator) as act:
            await act.licences.install(text.strip(), operator, act.now)
            act.record(LicenceInstalled(None, licence.people, licence.begins_at, licence.ends_at))
        return licence
