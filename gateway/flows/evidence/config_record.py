"""Tells the audit log when the configuration that nodes start with has changed, and in what."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from gateway.core.audit.changes import changes, names_changed
from gateway.core.audit.settings_events import ConfigLoaded
from gateway.flows.act import Acts
from gateway.stores.postgres.audit import ReadEntry


@dataclass(frozen=True, slots=True)
class ConfigRecord:
    """lines: `key: value` without secrets. secrets: the keys whose values only say whether they are set."""

    acts: Acts
    lines: Sequence[str]
    secrets: Collection[str]

    async def announce(self) -> None:
        """Nothing where the last entry says the same; of many workers one tells. Raises RecordUnavailable."""
        version = hashlib.sha256("\n".join(self.lines).encode()).hexdigest()[:16]
        async with self.acts.begin() as act:
            last = await act.audit.last(ConfigLoaded.kind)
            if last is None or last.detail.get("version") != version:
                before, after = self._values(_settings_of(last)), self._values(self.lines)
                changed = names_changed(before, after, self.secrets)
                diff = changes(before, after, self.secrets)
                act.record(ConfigLoaded(None, version, changed, tuple(self.lines), diff))

    def _values(self, lines: Sequence[str]) -> dict[str, str]:
        values = {name: value for name, _, value in (line.partition(": ") for line in lines)}
        return {name: "" if name in self.secrets and value == "not set" else value for name, value in values.items()}


def _settings_of(last: ReadEntry | None) -> list[str]:
    """[] where there is none, or where it can't be read any more. Entries of earlier versions have them in clear."""
    if last is None:
        return []
    lines = last.personal.get("settings", last.detail.get("settings"))
    return [str(line) for line in lines] if isinstance(lines, list) else []
