"""`python3 dev.py bench`: measures the figures of docs/performance.md in one run, prints them, writes run/bench.json.

It fails where a figure is not what is wanted of it.

CPU is the gateway's own user and system time for a request; each figure is the median of repetitions that take turns
with those that they are compared with. Nothing else should run meanwhile.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import uvloop

from bench.audit import audit_figures
from bench.breach import breach_figures
from bench.caddy import caddy_figures
from bench.console import console_figures
from bench.decision import decision_figures
from bench.document import PAGE, filled_in
from bench.evidence import evidence_figures
from bench.figures import Figure, table
from bench.flood import flood_figures
from bench.login import login_figures
from bench.many_sessions import many_sessions_figures
from bench.outwards import outwards_figures
from bench.process import process_figures
from bench.reload import reload_figures
from bench.risk import risk_figures
from bench.site import Site, running_site
from bench.tokens import token_figures

_ENTRIES: Final = (100_000, 1_000_000)
_ON_A_SITE: Final = ("decision", "tokens", "caddy", "flood", "reload", "process", "login")
PARTS: Final = (*_ON_A_SITE, "sessions", "audit", "evidence", "outwards", "console", "breach", "risk")


def main() -> int:
    parser = argparse.ArgumentParser(prog="dev.py bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; all of them where none is named"
    )
    parser.add_argument("--repetitions", type=int, default=7, help="of each measurement (default: 7)")
    parser.add_argument("--count", type=int, default=8_000, help="requests of one repetition (default: 8000)")
    parser.add_argument("--sessions", type=int, default=1_000_000, help="the crowd in Redis (default: a million)")
    parser.add_argument("--people", type=int, default=100_000, help="in the console (default: 100,000)")
    parser.add_argument("--entries", type=int, default=1_000_000, help="of the console's log (default: a million)")
    parser.add_argument("--directory", type=Path, default=Path("run"), help="where bench.json goes (default: run)")
    parser.add_argument("--document", action="store_true", help="write the figures into docs/performance.md too")
    options = parser.parse_args()
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"{unknown[0]} is no part; expected {', '.join(PARTS)}")
    figures = uvloop.run(_measure(options, options.parts or PARTS))
    print(table(figures))
    rows = [figure.row() for figure in figures]
    options.directory.joinpath("bench.json").write_text(json.dumps(rows, indent=2) + "\n")
    if options.document:
        PAGE.write_text(filled_in(PAGE.read_text(), figures))
    return 0 if all(one.is_met for one in figures) else 1


async def _measure(options: argparse.Namespace, parts: Sequence[str]) -> list[Figure]:
    directory, figures = options.directory.resolve() / "bench", list[Figure]()
    if set(parts) & set(_ON_A_SITE):
        with running_site(directory) as site:
            figures += await _measure_site(site, directory, options, parts)
    if "sessions" in parts:
        _say(f"{options.sessions} sessions in Redis")
        figures += await many_sessions_figures(directory, options.repetitions, options.count, options.sessions)
    if "audit" in parts:
        _say("the audit log")
        figures += await audit_figures(_ENTRIES)
    if "evidence" in parts:
        _say("entries and people's keys")
        figures += await evidence_figures(options.repetitions, options.count)
    if "outwards" in parts:
        _say("webhooks and retention")
        figures += await outwards_figures(options.repetitions, options.count)
    if "console" in parts:
        _say(f"the console, {options.people} people and {options.entries} entries")
        figures += await console_figures(directory, options.repetitions, options.entries, options.people)
    if "breach" in parts:
        _say("breached passwords")
        figures += breach_figures(options.repetitions)
    if "risk" in parts:
        _say("scores of logins")
        figures += risk_figures(options.repetitions, options.count)
    return figures


async def _measure_site(site: Site, directory: Path, options: argparse.Namespace, parts: Sequence[str]) -> list[Figure]:
    figures = list[Figure]()
    if "decision" in parts:
        _say("CPU of decisions")
        figures += await decision_figures(site, directory, options.repetitions, options.count)
    if "tokens" in parts:
        _say("tokens")
        figures += await token_figures(site, options.repetitions, options.count)
    if "caddy" in parts:
        _say("through Caddy")
        figures += await caddy_figures(site, directory / "caddy", options.repetitions, options.count)
    if "flood" in parts:
        _say("floods")
        figures += await flood_figures(site, options.repetitions)
    if "reload" in parts:
        _say("reads of a large policy")
        figures += await reload_figures(site, options.repetitions)
    if "process" in parts:
        _say("start and memory")
        figures += process_figures(site, directory / "process", options.repetitions, options.count // 4)
    if "login" in parts:
        _say("logins")
        figures += await login_figures(site, options.repetitions)
    return figures


def _say(what: str) -> None:
    print(f"measuring: {what} ...", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
