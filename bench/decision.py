"""What a decision costs: its CPU against constant answers, against more routes, and by kind of request."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.figures import Figure
from bench.load import Load, ask, cpu_us, volley
from bench.questions import FORGED, question, questions
from bench.site import BIG, BIG_ROUTES, OTHER, SMALL, SMALL_ROUTES, VERIFY_PATH, Site, paths, rival

_CONNECTIONS: Final = 32
_PEOPLE: Final = 50
_WARM_UP: Final = 500
_ALLOWED: Final = b"HTTP/1.1 200"
_TO_LOGIN: Final = b"HTTP/1.1 302"
_LIMITED: Final = b"HTTP/1.1 429"


@dataclass(slots=True)
class Subject:
    """Who answers, by which processes, and what is asked. costs: us of CPU for a request, one for each repetition."""

    name: str
    address: str
    pids: Sequence[int]
    requests: Sequence[bytes]
    expected: bytes = _ALLOWED
    redis: int = 0
    costs: list[float] = field(default_factory=list)
    redis_costs: list[float] = field(default_factory=list)

    def warm_up(self) -> None:
        """Every session once at least, so that nothing is filled while it is measured."""
        self._fire(max(_WARM_UP, len(self.requests)))

    def measure(self, count: int) -> None:
        before, redis_before = cpu_us(self.pids), cpu_us([self.redis]) if self.redis else 0.0
        load = self._fire(count)
        self.costs.append((cpu_us(self.pids) - before) / load.answers)
        if self.redis:
            self.redis_costs.append((cpu_us([self.redis]) - redis_before) / load.answers)

    def _fire(self, count: int) -> Load:
        load = volley(self.address, self.requests, count=count, connections=_CONNECTIONS, expected=self.expected)
        if load.wrong:
            raise SystemExit(f"{self.name}: {load.wrong} of {load.answers} answers were not the expected ones")
        return load


async def decision_figures(site: Site, directory: Path, repetitions: int, count: int) -> list[Figure]:
    cookies = await site.signed_in(_PEOPLE, (SMALL, BIG, OTHER))
    usual = questions(SMALL, paths(SMALL_ROUTES, 4), cookies[SMALL])
    with rival("aiohttp", directory) as aiohttp, rival("httptools", directory) as httptools:
        subjects = [
            Subject("session", site.decision, site.workers, usual, redis=site.pids["valkey"]),
            Subject("aiohttp", aiohttp[0], [aiohttp[1]], usual),
            Subject("httptools", httptools[0], [httptools[1]], usual),
            *_of_the_gateway(site, cookies),
        ]
        for subject in subjects:
            subject.warm_up()
        for _ in range(repetitions):
            for subject in subjects:
                subject.measure(count)
    return _figures({subject.name: subject for subject in subjects})


def _of_the_gateway(site: Site, cookies: dict[str, list[str]]) -> list[Subject]:
    """More paths than are remembered, so that each is looked up; then the other kinds of decisions."""
    few, many = paths(SMALL_ROUTES, 200), paths(BIG_ROUTES, 2)
    verify = [question(SMALL, path, cookies[SMALL][0], asked=VERIFY_PATH) for path in paths(SMALL_ROUTES, 4)]

    spent = [question(OTHER, f"/spent/{at}") for at in range(400)]
    ask(site.decision, question(OTHER, "/spent/x"))  # the one of this hour

    def by(name: str, requests: Sequence[bytes], expected: bytes = _ALLOWED) -> Subject:
        return Subject(name, site.decision, site.workers, requests, expected)

    return [
        by("routes_100", questions(SMALL, few, cookies[SMALL])),
        by("routes_10000", questions(BIG, many, cookies[BIG])),
        Subject("handler", site.web, site.workers, verify),
        by("without_limit", questions(OTHER, [f"/unlimited/{at}" for at in range(400)], cookies[OTHER])),
        by("public", [question(OTHER, f"/open/{at}") for at in range(400)]),
        by("sent_to_login", [question(SMALL, f"/area1/item1/{at}") for at in range(400)], _TO_LOGIN),
        by("limited", spent, _LIMITED),
        by("forged", [question(SMALL, f"/area1/item1/{at}", FORGED) for at in range(400)], _TO_LOGIN),
    ]


def _figures(by: dict[str, Subject]) -> list[Figure]:
    def ratio(name: str, this: str, that: str) -> Figure:
        return Figure.ratio(f"decision.{name}", by[this].costs, by[that].costs)

    return [
        ratio("session_cpu_vs_aiohttp", "session", "aiohttp"),
        ratio("session_cpu_vs_bare_httptools", "session", "httptools"),
        ratio("routes_10000_vs_100", "routes_10000", "routes_100"),
        ratio("handler_vs_listener", "handler", "session"),
        Figure.of("decision.redis_cpu_us", by["session"].redis_costs),
        *(Figure.of(f"decision.cpu_us.{name}", subject.costs) for name, subject in by.items()),
    ]
