"""What a storm of logins does to decisions, how near it comes to bcrypt alone, and what a second factor takes.

`python -m bench.login WEB ISSUER SECONDS PASSWORD NAME ...` is the storm: so many people at once as it has callers log
in on the web socket again and again, each time from another address. It prints how many a second were signed in.
"""

import os
import subprocess
import sys
import time
from base64 import b32encode
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import bcrypt
import pyotp

from bench.figures import Figure
from bench.load import connected, percentile
from bench.paced import Asked, times_us
from bench.people import with_passwords
from bench.questions import question
from bench.site import SMALL, Site, a_core_for
from bench.visitor import Visitor
from gateway.core.login.one_time_codes import STEP_S
from gateway.core.login.password import BCRYPT_COST
from gateway.resources import random_bytes

_CALLERS: Final = 12
_PEOPLE: Final = 8
_THREADS: Final = 2  # of a worker, for passwords
_SECONDS: Final = 6
_LIVE_PER_S: Final = 400
_IDLE_S: Final = 3
_PASSWORD: Final = "correct horse battery staple"
_numbers: Final = count(1)


async def login_figures(site: Site, repetitions: int) -> list[Figure]:
    names, factors = ([f"{kind}{at}" for at in range(_PEOPLE)] for kind in ("storm", "factor"))
    secret = random_bytes(20)
    await with_passwords(site.directory, names, _PASSWORD)
    await with_passwords(site.directory, factors, _PASSWORD, secret)
    cookie = (await site.signed_in(1, (SMALL,)))[SMALL][0]
    live = [question(SMALL, "/area1/item1/x", cookie) for _ in range(2)]
    idle, storms, rates, bare, shares = list[float](), list[float](), list[float](), list[float](), list[float]()
    for _ in range(repetitions):
        with a_core_for(site.workers, [os.getpid(), *site.pids.values()]):
            idle.append(_p99_us(site.decision, live))
            with _storm(site, names, _SECONDS + 2):
                storms.append(_p99_us(site.decision, live))
        with _storm(site, names, _SECONDS) as storm:
            rates.append(_told(storm))
        bare.append(_bcrypts_per_s())
        shares.append(_beside_bcrypt(site, factors, secret))
    return [
        Figure.ratio("login.storm_p99_vs_idle", storms, idle),
        Figure.ratio("login.rate_vs_bcrypt_limit", rates, bare),
        Figure.of("login.mfa_cpu_beside_bcrypt", shares),
    ]


def _p99_us(address: str, requests: Sequence[bytes]) -> float:
    with connected(address) as gateway:
        return percentile(times_us(Asked(gateway, requests), per_s=_LIVE_PER_S, seconds=_SECONDS)[0], 0.99)


@contextmanager
def _storm(site: Site, names: Sequence[str], seconds: int) -> Iterator["subprocess.Popen[str]"]:
    """It has begun, and has ended after the block."""
    argv = [sys.executable, "-m", "bench.login", site.web, site.issuer, str(seconds), _PASSWORD, *names]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as storm:
        assert storm.stdout is not None
        assert storm.stdout.readline() == "begun\n"
        yield storm
    if storm.returncode:
        raise SystemExit("login: somebody could not log in")


def _told(storm: "subprocess.Popen[str]") -> float:
    assert storm.stdout is not None
    return float(storm.stdout.readline())


def _bcrypts_per_s() -> float:
    """Nothing but that, in as many threads as a worker has for it."""
    salt, deadline = bcrypt.gensalt(BCRYPT_COST), time.perf_counter() + _SECONDS

    def hash_on(_thread: int) -> int:
        done = 0
        while time.perf_counter() < deadline:
            bcrypt.hashpw(_PASSWORD.encode(), salt)
            done += 1
        return done

    began = time.perf_counter()
    with ThreadPoolExecutor(_THREADS) as threads:
        done = sum(threads.map(hash_on, range(_THREADS)))
    return done / (time.perf_counter() - began)


def _beside_bcrypt(site: Site, names: Sequence[str], secret: bytes) -> float:
    """CPU of all threads of the worker but those that compare passwords, over the CPU of these; less what it does idly.

    Each person logs in once, with the code of a step that they have not used.
    """
    (worker,) = site.workers
    app = pyotp.TOTP(b32encode(secret).decode())
    time.sleep(STEP_S - time.time() % STEP_S)
    before = _cpu_us_of_threads(worker)
    time.sleep(_IDLE_S)
    idle_us = sum(_since(before, _cpu_us_of_threads(worker)).values()) / _IDLE_S
    before, began = _cpu_us_of_threads(worker), time.perf_counter()
    for name in names:
        visitor = Visitor(site.web, site.issuer, _address(0))
        page = visitor.submit(visitor.log_in(name, _PASSWORD), "/login/verify", code=app.now())
        if page.path == "/login/verify":
            raise SystemExit(f"login: the code of {name} was not taken, {page.status}")
    seconds, spent = time.perf_counter() - began, _since(before, _cpu_us_of_threads(worker))
    busiest = sorted((task for task in spent if task != worker), key=spent.__getitem__)[-_THREADS:]
    of_bcrypt = sum(spent[task] for task in busiest)
    return (sum(spent.values()) - of_bcrypt - idle_us * seconds) / of_bcrypt


def _since(before: dict[int, float], after: dict[int, float]) -> dict[int, float]:
    return {task: used - before.get(task, 0) for task, used in after.items()}


def _cpu_us_of_threads(pid: int) -> dict[int, float]:
    """By thread: as cpu_us of bench/load.py."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return {int(task.name): int((task / "schedstat").read_text().split()[0]) / 1000 for task in tasks}


def _address(caller: int) -> str:
    """Each time another one: the limit for an address is not what is measured."""
    number = next(_numbers)
    return f"10.{caller}.{number // 250 % 250}.{number % 250 + 1}"


def _log_in_on(web: str, issuer: str, seconds: float, password: str, names: Sequence[str]) -> float:
    """Logins a second."""
    began = time.perf_counter()

    def caller(number: int) -> int:
        done = 0
        while time.perf_counter() - began < seconds:
            Visitor(web, issuer, _address(number)).log_in(names[number % len(names)], password)
            done += 1
        return done

    with ThreadPoolExecutor(_CALLERS) as callers:
        done = sum(callers.map(caller, range(_CALLERS)))
    return done / (time.perf_counter() - began)


if __name__ == "__main__":
    print("begun", flush=True)
    print(_log_in_on(sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4], sys.argv[5:]))
