"""`python3 dev.py bench`: fires at a demo of its own, prints a table, writes run/bench.json."""

import argparse
import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.load import cpu_s, fire
from bench.people import signed_in
from gateway.embedded import free_port

_READY_WITHIN_S: Final = 60
_CONNECTIONS: Final = 16
_WARM_UP: Final = 500


@dataclass(frozen=True, slots=True)
class Case:
    """A question as Caddy sends it to the decision listener, with each cookie in turn. expected: how answers begin."""

    name: str
    path: str
    expected: bytes
    cookies: tuple[str, ...] = ("",)

    def requests(self) -> list[bytes]:
        return [self._request(cookie) for cookie in self.cookies]

    def _request(self, cookie: str) -> bytes:
        """As Caddy asks for a browser's navigation: its own fields, and all that the browser sent."""
        lines = [
            "GET /decide?6f9619ff-8b86-4d01-b42d-00cf4fc964ff HTTP/1.1",
            "Host: app.localhost",
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36",
            "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
            "Accept-Encoding: gzip, deflate, br, zstd",
            "Accept-Language: en-GB,en;q=0.9",
            *([f"Cookie: {cookie}"] if cookie else []),
            "Priority: u=0, i",
            'Sec-Ch-Ua: "Chromium";v="156", "Not?A_Brand";v="24"',
            "Sec-Ch-Ua-Mobile: ?0",
            'Sec-Ch-Ua-Platform: "Linux"',
            "Sec-Fetch-Dest: document",
            "Sec-Fetch-Mode: navigate",
            "Sec-Fetch-Site: same-origin",
            "Sec-Fetch-User: ?1",
            "Upgrade-Insecure-Requests: 1",
            "Via: 2.0 Caddy",
            "X-Forwarded-For: 127.0.0.1",
            "X-Forwarded-Host: app.localhost",
            "X-Forwarded-Method: GET",
            "X-Forwarded-Proto: https",
            f"X-Forwarded-Uri: {self.path}",
            "X-Request-Id: 6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


_FORGED: Final = f"__Host-bastion=v1.{'A' * 16}.{'A' * 22}.{'A' * 43}.{'A' * 16}"
_POLICY: Final = """\
# Of the benchmark: no limit is ever reached, and what limits cost is a case of its own.
apps:
  app:
    hosts: app.localhost
    allow: {groups: staff}
    headers: strict
    limits: none
    routes:
      public: {paths: /public/**, allow: anyone}
      limited: {paths: /limited/**, limits: {rate: 1000000/s, per: caller}}
"""
_PEOPLE: Final = 50


def cases(sessions: Sequence[str]) -> tuple[Case, ...]:
    """sessions: cookies of people who are signed in."""
    return (
        Case("stranger, public route", "/public/x", b"HTTP/1.1 200"),
        Case("stranger, protected route", "/", b"HTTP/1.1 302"),
        Case("forged session", "/", b"HTTP/1.1 302", (_FORGED,)),
        Case("signed in", "/", b"HTTP/1.1 200", tuple(sessions)),
        Case("signed in, with a limit", "/limited/x", b"HTTP/1.1 200", tuple(sessions)),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="requests of each case")
    parser.add_argument("--directory", type=Path, default=Path("run"))
    options = parser.parse_args()
    directory = options.directory / "bench"
    with _demo(directory) as summary:
        rows = asyncio.run(_measure(summary, directory, options.count))
    options.directory.joinpath("bench.json").write_text(json.dumps(rows, indent=2) + "\n")
    first = float(str(rows[0]["cpu_us"]))
    print(f"{'case':<28} {'per second':>10} {'p50 us':>8} {'p99 us':>8} {'CPU us':>8} {'ratio':>6} {'wrong':>6}")
    for row in rows:
        print(
            f"{row['case']:<28} {row['per_second']:>10} {row['p50_us']:>8} {row['p99_us']:>8} "
            f"{row['cpu_us']:>8} {float(str(row['cpu_us'])) / first:>6.2f} {row['wrong']:>6}"
        )
    return int(any(row["wrong"] for row in rows))


async def _measure(summary: dict[str, object], directory: Path, count: int) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for case in cases(await signed_in(str(summary["database_url"]), directory, _PEOPLE)):
        requests, address = case.requests(), str(summary["decision_socket"])
        await fire(address, requests, count=_WARM_UP, connections=_CONNECTIONS, expected=case.expected)
        before = _server_cpu_s(summary)
        load = await fire(address, requests, count=count, connections=_CONNECTIONS, expected=case.expected)
        rows.append(
            {
                "case": case.name,
                "per_second": round(load.answers / load.seconds),
                "p50_us": round(load.percentile_us(0.5)),
                "p99_us": round(load.percentile_us(0.99)),
                "cpu_us": round((_server_cpu_s(summary) - before) * 1e6 / max(1, load.answers), 1),
                "wrong": load.wrong,
            }
        )
    return rows


def _server_cpu_s(summary: dict[str, object]) -> float:
    """Of all workers."""
    pids = summary["pids"]
    assert isinstance(pids, dict)
    children = Path(f"/proc/{pids['bastion']}/task/{pids['bastion']}/children").read_text().split()
    return sum(cpu_s(int(pid)) for pid in children)


@contextmanager
def _demo(directory: Path) -> Iterator[dict[str, object]]:
    (directory / "policies").mkdir(parents=True, exist_ok=True)
    (directory / "policies" / "demo.yaml").write_text(_POLICY)
    summary = directory / "demo.json"
    summary.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "gateway", "demo", "--directory", str(directory), "--port", str(free_port())]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _READY_WITHIN_S
        while not summary.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if not summary.exists():
            sys.exit("the demo did not start")
        yield json.loads(summary.read_text())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
