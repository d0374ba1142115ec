"""Requests through Caddy with the shipped snippet: Bastion against a constant answer in its place.

The answer is one that Bastion gave, so that Caddy has the same to do with it. The processor time that each process took
for a request says where the difference comes from.
"""

import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.figures import Figure
from bench.load import ask, cpu_us, fire
from bench.questions import question
from bench.site import SMALL, SMALL_ROUTES, Site, a_core_for, paths, rival
from gateway.core.caddy.snippet import Snippet, snippet_text
from gateway.embedded import Children, EmbeddedCaddy, free_port

_CROWD: Final = 128  # connections that keep all cores busy; a few leave them idle while each waits for the other
_FEW: Final = 32
_TIMES: Final = 3  # as often as the others: this figure wavers, and is near its bound
_PEOPLE: Final = 50
_WITHIN_S: Final = 20.0
_SITE: Final = """
{
	admin off
	persist_config off
	auto_https off
	servers {
		0rtt off
	}
}
%s
http://%s:%d {
	bind 127.0.0.1
	import bastion {
		respond "the app"
	}
}
"""


@dataclass(slots=True)
class _Side:
    """One that is asked through a Caddy of its own. pids: whose time is counted, by what they are."""

    port: int
    pids: dict[str, int]
    rates: list[float] = field(default_factory=list)
    costs: dict[str, list[float]] = field(default_factory=dict)

    async def measure(self, cookies: Sequence[str], count: int, connections: int) -> None:
        requests = [_request(self.port, path, cookies[at % _PEOPLE]) for at, path in enumerate(paths(SMALL_ROUTES, 4))]
        before = {who: cpu_us([pid]) for who, pid in self.pids.items()}
        load = await fire(
            f"127.0.0.1:{self.port}", requests, count=count, connections=connections, expected=b"HTTP/1.1 200 OK\r\n"
        )
        if load.wrong:
            raise SystemExit(f"through Caddy, {', '.join(self.pids)}: {load.wrong} answers were not the expected ones")
        self.rates.append(load.per_second)
        for who, pid in self.pids.items():
            self.costs.setdefault(who, []).append((cpu_us([pid]) - before[who]) / load.answers)

    def forget(self) -> None:
        self.rates, self.costs = [], {}


async def caddy_figures(site: Site, directory: Path, repetitions: int, count: int) -> list[Figure]:
    """With all on the same cores, by a crowd and by a few; and with those who decide on one core, Caddy and the client
    on the others.
    """
    cookies = (await site.signed_in(_PEOPLE, (SMALL,)))[SMALL]
    directory.mkdir(parents=True, exist_ok=True)
    given = directory / "answer"
    given.write_bytes(ask(site.decision, question(SMALL, paths(SMALL_ROUTES, 1)[0], cookies[0])))
    with (
        rival("httptools", directory, str(given)) as (constant, responder),
        _caddy(directory / "bastion", site.decision) as (ours, our_caddy),
        _caddy(directory / "constant", constant) as (theirs, their_caddy),
    ):
        bastion = _Side(ours, {"caddy": our_caddy, "gateway": site.workers[0], "valkey": site.pids["valkey"]})
        other = _Side(theirs, {"caddy": their_caddy, "responder": responder})
        await _take_turns((bastion, other), cookies, repetitions, count, _FEW)
        few = Figure.ratio(f"decision.caddy_throughput_vs_constant_{_FEW}_connections", bastion.rates, other.rates)
        await _take_turns((bastion, other), cookies, repetitions * _TIMES, count, _CROWD)
        figures = [
            Figure.ratio("decision.caddy_throughput_vs_constant", bastion.rates, other.rates),
            few,
            Figure.of("decision.caddy_per_second", bastion.rates),
            *(Figure.of(f"decision.caddy_cpu_us.bastion.{who}", spent) for who, spent in bastion.costs.items()),
            *(Figure.of(f"decision.caddy_cpu_us.constant.{who}", spent) for who, spent in other.costs.items()),
        ]
        deciders = [*site.workers, site.pids["valkey"], responder]
        with a_core_for(deciders, [os.getpid(), our_caddy, their_caddy]):
            await _take_turns((bastion, other), cookies, repetitions, count, _CROWD)
        figures.append(Figure.ratio("decision.caddy_throughput_vs_constant_apart", bastion.rates, other.rates))
    return figures


async def _take_turns(
    sides: Sequence[_Side], cookies: Sequence[str], repetitions: int, count: int, connections: int
) -> None:
    for repetition in range(repetitions + 1):
        for side in sides:
            if repetition <= 1:  # the first warmed up
                side.forget()
            await side.measure(cookies, count, connections)


def _request(port: int, path: str, cookie: str) -> bytes:
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {SMALL}:{port}",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        f"Cookie: {cookie}",
        "Sec-Fetch-Dest: document",
        "Sec-Fetch-Mode: navigate",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@contextmanager
def _caddy(directory: Path, decision: str) -> Iterator[tuple[int, int]]:
    """Its port and its pid."""
    directory.mkdir(parents=True, exist_ok=True)
    port, snippet = free_port(), snippet_text(Snippet(decision=f"unix/{decision}", web=f"unix/{decision}"))
    with closing(Children()) as children:
        caddy = EmbeddedCaddy(directory, children)
        caddy.start(_SITE % (snippet, SMALL, port))
        _await(port)
        yield port, caddy.pid
        caddy.stop()


def _await(port: int) -> None:
    deadline = time.monotonic() + _WITHIN_S
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise SystemExit("Caddy did not start")
