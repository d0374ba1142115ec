"""What the audit log takes: entries appended and linked in a second, and the room of one; and people's keys."""

import asyncio
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from bench.figures import Figure
from bench.people import crowd
from bench.stores import Stores, open_stores
from gateway.core.audit.catalogue import LoginFailed
from gateway.core.audit.entries import Kind
from gateway.core.audit.entry import entry_of
from gateway.core.privacy.sealing import MasterKeys, Place
from gateway.flows.act import Acts
from gateway.flows.keys.master_rotation import MasterRotation
from gateway.flows.privacy.erasure import Erasure, NodeFiles
from gateway.resources import clock, random_bytes
from gateway.stores.postgres.vault import Vault

_WRITERS: Final = 8
_WAITING: Final = (1, 16)
_SLOWER: Final = 8  # where each commit waits for the disk with few beside it, so many fewer entries
_PEOPLE: Final = 10_000
_ERASED: Final = 10
_READS: Final = 2_000
_EVENT: Final = LoginFailed(None, "m" * 22, "203.0.113.7", "Mozilla/5.0 (X11; Linux x86_64) Firefox/156.0")
_INSERT_ROW: Final = """
    INSERT INTO audit_entries (kind, at, actor, subject, detail, personal, request_id)
    VALUES ($1, $2, '', NULL, $3, $4, $5)
"""
_BYTES: Final = """
    SELECT sum(pg_total_relation_size(name)) FROM unnest('{audit_entries,audit_links,audit_terms}'::regclass[]) AS name
"""
_COUNT: Final = "SELECT count(*) FROM audit_entries"
_SEALED: Final = "SELECT u.id, u.sealed, k.wrapped FROM users u JOIN user_keys k ON k.user_id = u.id LIMIT 1"


@dataclass(slots=True)
class _Rates:
    """A second, one for each repetition."""

    single_rows: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    appended: dict[int, list[float]] = field(default_factory=lambda: {waiting: [] for waiting in _WAITING})
    linked: list[float] = field(default_factory=list)


async def evidence_figures(repetitions: int, count: int) -> list[Figure]:
    """count: entries of the fastest measurement."""
    async with open_stores() as stores:
        return [*await _log_figures(stores, repetitions, count), *await _key_figures(stores, repetitions)]


async def _log_figures(stores: Stores, repetitions: int, count: int) -> list[Figure]:
    rates = _Rates()
    for _ in range(repetitions):
        rates.single_rows.append(await _single_rows_per_s(stores.database_url, count // _SLOWER))
        rates.alone.append(await _appends_per_s(stores, 1, count // _SLOWER // _WRITERS))
        for waiting in _WAITING:
            share = 1 if waiting > 1 else _SLOWER
            rates.appended[waiting].append(await _appends_per_s(stores, _WRITERS * waiting, count // share))
        rates.linked.append(await _links_per_s(stores))
    return [
        *(
            Figure.ratio(f"audit.append_8_vs_single_rows.{waiting}_waiting", rates.appended[waiting], rates.single_rows)
            for waiting in _WAITING
        ),
        Figure.of("audit.append_1", rates.alone),
        Figure.of("audit.link_entries_s", rates.linked),
        Figure.of("audit.bytes_per_entry", [await _bytes_per_entry(stores, count)]),
    ]


async def _per_s(count: int, *work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await asyncio.gather(*work)
    return count / (time.perf_counter() - began)


async def _single_rows_per_s(url: str, count: int) -> float:
    """Rows as an entry has them, without what seals and searches it, each committed by itself."""
    connections = [await asyncpg.connect(url) for _ in range(_WRITERS)]

    async def insert(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        for _ in range(count // _WRITERS):
            row = (Kind.LOGIN_FAILED.value, clock(), '{"unknown_name":"mmmmmmmmmmmmmmmmmmmmmm"}', bytes(200), "r" * 36)
            await connection.execute(_INSERT_ROW, *row)

    rate = await _per_s(count, *map(insert, connections))
    for connection in connections:
        await connection.close()
    return rate


async def _appends_per_s(stores: Stores, callers: int, count: int) -> float:
    """Each caller goes on as soon as its entry is committed."""
    appending = stores.resources.acts.appending

    async def append() -> None:
        for _ in range(max(1, count // callers)):
            await appending.append(entry_of(_EVENT, clock(), "", "r" * 36))

    return await _per_s(max(1, count // callers) * callers, *(append() for _ in range(callers)))


async def fail_logins(stores: Stores, count: int) -> int:
    """At most so many entries, which no link holds yet; how many."""
    callers = min(count, _WRITERS * max(_WAITING))
    await _appends_per_s(stores, callers, count)
    return count // callers * callers


async def _links_per_s(stores: Stores) -> float:
    """Of all that the measurements before have left."""
    began = time.perf_counter()
    return await stores.link() / (time.perf_counter() - began)


async def _bytes_per_entry(stores: Stores, count: int) -> float:
    """On disk with its link, its search term and all indexes."""
    pool = stores.resources.pool
    before, there = await pool.fetchval(_BYTES), await pool.fetchval(_COUNT)
    await fail_logins(stores, count)
    await stores.link()
    grown: float = await pool.fetchval(_BYTES) - before
    return grown / float(await pool.fetchval(_COUNT) - there)


async def _key_figures(stores: Stores, repetitions: int) -> list[Figure]:
    people = await crowd(stores.database_url, stores.resources.acts.vault, _PEOPLE)
    return [
        Figure.of("crypto.user_read_us", [await _read_us(stores) for _ in range(repetitions)]),
        Figure.of("keys.rewrap_s", [await _rewraps_per_s(stores)]),
        Figure.of("erasure.ms", [await _erasure_ms(stores, name) for name in people[:_ERASED]]),
    ]


async def _read_us(stores: Stores) -> float:
    """CPU: the data key is unwrapped, and the person's words are opened with it."""
    row, vault = await stores.resources.pool.fetchrow(_SEALED), stores.resources.acts.vault
    assert row is not None
    place, began = Place("users", "sealed", row["id"]), time.process_time()
    for _ in range(_READS):
        vault.open(row["id"], row["wrapped"]).unseal(place, row["sealed"])
    return (time.process_time() - began) / _READS * 1e6


async def _rewraps_per_s(stores: Stores) -> float:
    """Everybody's data key under a new master key, and back again for what comes after."""
    secrets, acts = stores.config.secrets, stores.resources.acts
    assert secrets.index_key is not None
    keys: Sequence[bytes] = [random_bytes(32), *secrets.master_keys]
    fresh = Vault(MasterKeys(keys), stores.config.keys().blind_index, random_bytes)
    rate = await _rotated(Acts(acts.pool, fresh, acts.revocations, clock), fresh.masters[0])
    await _rotated(Acts(acts.pool, fresh, acts.revocations, clock), fresh.masters[1])
    return rate


async def _rotated(acts: Acts, master: str) -> float:
    rotation = MasterRotation(acts, "cli:bench")
    await rotation.begin(master)
    began = time.perf_counter()
    await rotation.work()
    rate = _PEOPLE / (time.perf_counter() - began)
    await rotation.work()  # the second round finds nothing left, and ends it
    return rate


async def _erasure_ms(stores: Stores, name: str) -> float:
    """From the command to the certificate, the rewriting of the tables with keys included."""
    directory = stores.config.data_dir
    erasure = Erasure(stores.resources.acts, stores.config.keys(), NodeFiles(directory, directory))
    began = time.perf_counter()
    await erasure.finish(await erasure.erase(name, "asked", "cli:bench"))
    return (time.perf_counter() - began) * 1e3
