"""Tells the audit log when the configuration that nodes start with has changed, and in what."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import asyncpg

from gateway.core.audit.entries import Detail, Entry, Kind
from gateway.flows.transaction import transaction
from gateway.stores.postgres.audit import Audit
from gateway.stores.postgres.vault import Vault


@dataclass(frozen=True, slots=True)
class ConfigRecord:
    """lines: `key: value` without secrets."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    vault: Vault
    lines: Sequence[str]
    clock_us: Callable[[], int]

    async def announce(self) -> None:
        """Nothing where the last entry says the same; of many workers one tells. Raises RecordUnavailable."""
        version = hashlib.sha256("\n".join(self.lines).encode()).hexdigest()[:16]
        async with transaction(self.pool) as connection:
            audit = Audit(connection, self.vault)
            last = await audit.last_detail(Kind.CONFIG_LOADED)
            if last.get("version") == version:
                return
            settings = list(self.lines)
            detail: Detail = {"version": version, "settings": settings, "diff": _diff(last.get("settings"), settings)}
            await audit.append(Entry(Kind.CONFIG_LOADED, self.clock_us() // 1_000_000, "gateway", None, detail, {}, ""))


def _diff(before: object, after: list[str]) -> list[str]:
    old = [str(line) for line in before] if isinstance(before, list) else []
    return [f"-{line}" for line in old if line not in after] + [f"+{line}" for line in after if line not in old]
