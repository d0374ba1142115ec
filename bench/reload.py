"""What somebody who is signed in notices while a worker reads a policy of 10,000 routes anew."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.figures import Figure
from bench.load import connected, percentile
from bench.paced import Asked, times_us
from bench.questions import question
from bench.site import SMALL, Site, a_core_for

_SECONDS: Final = 4
_PER_S: Final = 400
_ACCEPTED: Final = b"policy accepted"


async def reload_figures(site: Site, repetitions: int) -> list[Figure]:
    """A reload takes about a second of the window, which begins with the change of the file."""
    with a_core_for(site.workers, [os.getpid(), *site.pids.values()]):
        return await _figures(site, repetitions)


async def _figures(site: Site, repetitions: int) -> list[Figure]:
    cookie = (await site.signed_in(1, (SMALL,)))[SMALL][0]
    asked = [question(SMALL, "/area1/item1/x", cookie) for _ in range(2)]
    file, log = site.directory / "policies" / "demo.yaml", site.directory / "bastion.log"
    text, alone, amid = file.read_text(), list[list[float]](), list[list[float]]()
    for at in range(repetitions):
        alone.append(_times_us(site.decision, asked))
        before = _accepted(log)
        file.write_text(f"{text}# {at}\n")
        amid.append(_times_us(site.decision, asked))
        if _accepted(log) != before + 1:
            raise SystemExit("reload: the policy was not read within the window")
    return [
        Figure.of("reload.live_p99_us.alone", [percentile(times, 0.99) for times in alone]),
        Figure.of("reload.live_p99_us.amid", [percentile(times, 0.99) for times in amid]),
        Figure.of("reload.live_longest_us.amid", [max(times) for times in amid]),
    ]


def _accepted(log: Path) -> int:
    return log.read_bytes().count(_ACCEPTED)


def _times_us(address: str, requests: Sequence[bytes]) -> list[float]:
    with connected(address) as gateway:
        return times_us(Asked(gateway, requests), per_s=_PER_S, seconds=_SECONDS)[0]
