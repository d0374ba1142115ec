"""What the console takes: its lists and the log when both are long, decisions beside it, and the end of all sessions.

`python -m bench.console WEB ISSUER SECONDS COOKIES` is what administrators do meanwhile: five look at the overview
again every two seconds, and one searches the audit log all the time.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import asyncpg
import pyotp

from bench.audit import fill
from bench.figures import Figure
from bench.load import connected, percentile
from bench.paced import Asked, times_us
from bench.people import crowd
from bench.questions import question
from bench.settings import settings_figures
from bench.site import SMALL, Site, a_core_for, running_site
from bench.visitor import Page, Visitor
from gateway.cli._policy import known_policy_of
from gateway.config import Config, load_config
from gateway.core.admin.emergency import WhoseSessions
from gateway.embedded import Children, EmbeddedPostgres
from gateway.flows.admin.emergency import AskedBy, EmergencyAdmin, WantedEnd
from gateway.resources import make_vault, notices_of, open_resources

_WORKERS: Final = 2
_LOOKING: Final = 5
_LOOK_EVERY_S: Final = 2
_SECONDS: Final = 6
_LIVE_PER_S: Final = 400
_PAGES: Final = 20
_RARE, _COMMON = "admin_entered", "login"
_ADDRESS: Final = "127.0.0.1"
_ALL: Final[WhoseSessions] = "all"
_EMPTY_LOG: Final = """
    SET LOCAL session_replication_role = replica;
    TRUNCATE audit_entries, audit_links, audit_terms, audit_queue CASCADE
"""
_ADD_LOGINS: Final = """
    WITH made AS (
        INSERT INTO logins (id, user_id, created_at, persistent, idle_s, expires_at, last_seen_at, sealed)
        SELECT decode(md5(id::text), 'hex'), id, $1::bigint, false, 86400, $1::bigint + 86400, $1::bigint, $2
          FROM users WHERE password = 'x'
        RETURNING id
    )
    INSERT INTO sessions (login_id, credential, host, created_at, authenticated_at, mfa_at)
    SELECT id, id, $3, $1::bigint, $1::bigint, 0 FROM made
"""


async def console_figures(directory: Path, repetitions: int, entries: int, people: int) -> list[Figure]:
    """entries, people: how many there are."""
    with running_site(directory / "console", workers=_WORKERS) as site:
        settings = await settings_figures(site, repetitions)
        config = load_config(site.directory / "config.yaml", dev=True, environ={}).config
        await _fill(site, config, entries, people)
        owner = _entered(site)
        pages = [
            Figure.of("admin.people_ms", _times_ms(owner, "/admin/people")),
            Figure.of("admin.audit_ms", _times_ms(owner, f"/admin/audit?kind={_COMMON}")),
            Figure.of("admin.audit_ms.rare", _times_ms(owner, f"/admin/audit?kind={_RARE}")),
        ]
        beside = await _decisions_beside(site, owner, repetitions)
        return [*settings, *pages, beside, Figure.of("emergency.end_100000_s", [await _end_all_s(config)])]


def _superuser_url(site: Site) -> str:
    return EmbeddedPostgres(site.directory, Children()).url()


async def _fill(site: Site, config: Config, entries: int, people: int) -> None:
    """A log of so many entries in place of the one that is there, and so many people with a session each."""
    connection = await asyncpg.connect(_superuser_url(site))
    async with connection.transaction():
        await connection.execute(_EMPTY_LOG)
        await fill(connection, entries)
    await crowd(_superuser_url(site), make_vault(config), people)
    await connection.execute(_ADD_LOGINS, int(time.time()), bytes(150), SMALL)
    await connection.execute("ANALYZE logins, sessions")
    await connection.close()


def _entered(site: Site) -> Visitor:
    """The owner of the demo, in the console."""
    summary = json.loads((site.directory / "demo.json").read_text())
    visitor = Visitor(site.web, site.issuer, _ADDRESS)
    page = visitor.log_in(summary["admin_user"], summary["admin_password"])
    visitor.submit(page, "/login/verify", code=pyotp.TOTP(summary["admin_totp_secret"]).now())
    page = visitor.submit(visitor.get("/admin"), "/admin/enter")
    _require(page, "/admin")
    return visitor


def _require(page: Page, path: str) -> None:
    if (page.status, page.path) != (200, path):
        raise SystemExit(f"console: {page.status} at {page.path} in place of {path}")


def _times_ms(owner: Visitor, path: str) -> list[float]:
    times = list[float]()
    for _ in range(_PAGES + 1):
        began = time.perf_counter()
        page = owner.get(path)
        times.append((time.perf_counter() - began) * 1e3)
        _require(page, path.partition("?")[0])
    return times[1:]  # the first fills caches


async def _decisions_beside(site: Site, owner: Visitor, repetitions: int) -> Figure:
    cookie = (await site.signed_in(1, (SMALL,)))[SMALL][0]
    live = [question(SMALL, "/area1/item1/x", cookie) for _ in range(2)]
    alone, beside = list[float](), list[float]()
    argv = [sys.executable, "-m", "bench.console", site.web, site.issuer, str(_SECONDS + 2), json.dumps(owner.jar)]
    with a_core_for(site.workers, [os.getpid(), *site.pids.values()]):
        for _ in range(repetitions):
            alone.append(_p99_us(site.decision, live))
            with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as administrators:
                assert administrators.stdout is not None
                assert administrators.stdout.readline() == "begun\n"
                beside.append(_p99_us(site.decision, live))
            if administrators.returncode:
                raise SystemExit("console: a page was not shown")
    return Figure.ratio("admin.live_p99_vs_alone", beside, alone)


def _p99_us(address: str, requests: Sequence[bytes]) -> float:
    with connected(address) as gateway:
        return percentile(times_us(Asked(gateway, requests), per_s=_LIVE_PER_S, seconds=_SECONDS)[0], 0.99)


async def _end_all_s(config: Config) -> float:
    """From the command until the leader has ended all of them and told Redis."""
    async with open_resources(config) as resources:
        admin = EmergencyAdmin(resources.acts, notices_of(config), lambda: known_policy_of(config))
        began = time.perf_counter()
        await admin.end_sessions(WantedEnd(_ALL, "bench", closes=True), AskedBy("cli:bench"))
        while (await admin.status()).ends[0].ended_at is None:
            await asyncio.sleep(0.1)
        return time.perf_counter() - began


def _administrate(web: str, issuer: str, seconds: float, jar: dict[str, str]) -> None:
    began = time.perf_counter()

    def look(_number: int) -> None:
        while time.perf_counter() - began < seconds:
            _require(Visitor(web, issuer, _ADDRESS, dict(jar)).get("/admin"), "/admin")
            time.sleep(_LOOK_EVERY_S)

    def search() -> None:
        owner = Visitor(web, issuer, _ADDRESS, dict(jar))
        page = owner.get("/admin/audit")
        while time.perf_counter() - began < seconds:
            for kind in (_COMMON, _RARE):
                _require(owner.submit(page, "/admin/audit", kind=kind), "/admin/audit")

    with ThreadPoolExecutor(_LOOKING + 1) as people:
        running = [people.submit(look, number) for number in range(_LOOKING)]
        running.append(people.submit(search))
    for one in running:
        one.result()


if __name__ == "__main__":
    print("begun", flush=True)
    _administrate(sys.argv[1], sys.argv[2], float(sys.argv[3]), json.loads(sys.argv[4]))
