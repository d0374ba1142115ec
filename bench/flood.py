"""What somebody who is signed in notices of a flood of made-up cookies: the times of paced decisions, with and without.

Between them Redis gets a PING from the same client: what becomes slower there is the machine, not the gateway.

`python -m bench.flood SOCKET RATE SECONDS` is the flood: it sends RATE questions a second, each with a cookie and a
path that no other has, over connections that wait for their answers. It prints how many were answered.
"""

import os
import select
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

import asyncpg

from bench.figures import Figure
from bench.load import connected, percentile
from bench.paced import Asked, times_us
from bench.questions import question
from bench.site import SMALL, Site, a_core_for

RATES: Final = (5_000, 10_000, 20_000)
_SECONDS: Final = 3
_CONNECTIONS: Final = 256
_LATE_S: Final = 0.001
_LIVE_PER_S: Final = 400
_RECEIVE: Final = 65_536
_TRANSACTIONS: Final = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"


async def flood_figures(site: Site, repetitions: int) -> list[Figure]:
    """Ratios of p99s. A flood that the machine can't send or answer at its rate is shown by its own figure."""
    with a_core_for(site.workers, [os.getpid(), *site.pids.values()]):
        return await _figures(site, repetitions)


async def _figures(site: Site, repetitions: int) -> list[Figure]:
    cookie = (await site.signed_in(1, (SMALL,)))[SMALL][0]
    live = [question(SMALL, "/area1/item1/x", cookie) for _ in range(2)]
    redis = site.redis_url.removeprefix("unix://")
    times: dict[int, list[tuple[float, float]]] = {rate: [] for rate in (0, *RATES)}
    answered: dict[int, list[float]] = {rate: [] for rate in RATES}
    transactions: dict[int, list[float]] = {rate: [] for rate in (0, RATES[-1])}
    for _ in range(repetitions):
        before = await _transactions(site.database_url)
        times[0].append(_p99_us(site.decision, live, redis))
        transactions[0].append((await _transactions(site.database_url) - before) / _SECONDS)
        for rate in RATES:
            before = await _transactions(site.database_url)
            argv = [sys.executable, "-m", "bench.flood", site.decision, str(rate), str(_SECONDS + 2)]
            with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as flood:
                assert flood.stdout is not None
                assert flood.stdout.readline() == "begun\n"
                times[rate].append(_p99_us(site.decision, live, redis))
                answered[rate].append(float(flood.stdout.readline()))
            if rate in transactions:
                transactions[rate].append((await _transactions(site.database_url) - before) / (_SECONDS + 2))
    figures = []
    for at, what in enumerate(("live", "ping")):
        alone = [each[at] for each in times[0]]
        figures.append(Figure.of(f"flood.{what}_p99_us.alone", alone))
        for rate in RATES:
            amid = [each[at] for each in times[rate]]
            figures.append(Figure.ratio(f"flood.{what}_p99_vs_alone.{rate}_per_s", amid, alone))
    return [
        *figures,
        *(Figure.of(f"flood.answered_per_s.{rate}_per_s", answered[rate]) for rate in RATES),
        Figure.of("flood.postgres_transactions_per_s.alone", transactions[0]),
        Figure.of(f"flood.postgres_transactions_per_s.{RATES[-1]}_per_s", transactions[RATES[-1]]),
    ]


async def _transactions(database_url: str) -> int:
    """Of the database until now, our own one each time among them."""
    connection = await asyncpg.connect(database_url)
    try:
        return int(await connection.fetchval(_TRANSACTIONS))
    finally:
        await connection.close()


def _p99_us(address: str, requests: Sequence[bytes], redis: str) -> tuple[float, float]:
    """Of one question after the other, each at its time, and of the PINGs between them."""
    with connected(address) as gateway, connected(redis) as server:
        ping = Asked(server, [b"PING\r\n"], b"+PONG")
        asked, pinged = times_us(Asked(gateway, requests), ping, per_s=_LIVE_PER_S, seconds=_SECONDS)
    return percentile(asked, 0.99), percentile(pinged, 0.99)


def _forged() -> bytes:
    """A question to be filled in with two numbers. The token has the form of a session's; its MAC is wrong."""
    number = "N" * 16
    token = f"__Host-bastion=v1.{'A' * 16}.{'A' * 22}.{'A' * 27}{number}.{'A' * 16}"
    return question(SMALL, f"/area1/item1/{number}", token).replace(number.encode(), b"%016d")


def _flood(address: str, rate: int, seconds: float) -> float:
    """Questions a second. Evenly: what is due is sent at once, as long as some connection waits for nothing.

    What was due while this process was kept from running is left out: other machines are not kept by this one, so they
    would send no burst.
    """
    asked = _forged()
    with ExitStack() as stack:
        sockets = {one.fileno(): one for one in (stack.enter_context(connected(address)) for _ in range(_CONNECTIONS))}
        poll = stack.enter_context(select.epoll())
        for number in sockets:
            poll.register(number, select.EPOLLIN)
        idle, unread, due, sent = deque(sockets), dict.fromkeys(sockets, b""), 0, 0
        print("begun", flush=True)
        began = time.perf_counter()
        while (now := time.perf_counter() - began) < seconds:
            due = max(due, int((now - _LATE_S) * rate))
            while due < now * rate and idle:
                sockets[idle.popleft()].sendall(asked % (sent, sent))
                due, sent = due + 1, sent + 1
            for number, _ in poll.poll(max(0.0, due / rate - now)):
                unread[number] += sockets[number].recv(_RECEIVE)
                if b"\r\n\r\n" in unread[number]:
                    unread[number] = b""
                    idle.append(number)
        return sent / (time.perf_counter() - began)


if __name__ == "__main__":
    # It has other machines in life: here it takes what the others leave.
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    print(_flood(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
