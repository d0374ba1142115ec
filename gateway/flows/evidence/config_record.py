"""Tells the audit log when the configuration that nodes start with has changed, and in what."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.audit.settings_events import ConfigLoaded
from gateway.flows.act import Acts


@dataclass(frozen=True, slots=True)
class ConfigRecord:
    """lines: `key: value` without secrets."""

    acts: Acts
    lines: Sequence[str]

    async def announce(self) -> None:
        """Nothing where the last entry says the same; of many workers one tells. Raises RecordUnavailable."""
        version = hashlib.sha256("\n".join(self.lines).encode()).hexdigest()[:16]
        async with self.acts.begin() as act:
            last = await act.audit.last_detail(ConfigLoaded.kind)
            if last.get("version") != version:
                diff = _diff(last.get("settings"), self.lines)
                act.record(ConfigLoaded(None, version, tuple(self.lines), diff))


def _diff(before: object, after: Sequence[str]) -> tuple[str, ...]:
    old = [str(line) for line in before] if isinstance(before, list) else []
    gone, new = (line for line in old if line not in after), (line for line in after if line not in old)
    return (*(f"-{line}" for line in gone), *(f"+{line}" for line in new))
