"""Requests through Caddy: with the snippet and Bastion, with the snippet of before, and with a plain `forward_auth`.

The plain one asks a responder that always says the same, which is the least that Caddy can do to ask anybody. The
processor time that each process took for a request says where the difference comes from.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.figures import Figure
from bench.load import cpu_us, fire
from bench.site import SMALL, SMALL_ROUTES, Site, paths, rival
from gateway.core.caddy.snippet import Snippet, snippet_text
from gateway.core.forward.names import to_delete
from gateway.core.forward.proxy import ONE_BY_ONE
from gateway.core.policy import site as policy_site
from gateway.core.policy.compile import compile_policy
from gateway.core.policy.route import Route
from gateway.embedded import Children, EmbeddedCaddy, free_port

_BEFORE: Final = Path(__file__).with_name("before.caddy")
_CROWD: Final = 128  # connections that keep all cores busy; a few leave them idle while each waits for the other
_PEOPLE: Final = 50
_WITHIN_S: Final = 20.0
_GOGC: Final = {"GOGC": "400"}
_NAMES: Final = ("Remote-User", "Remote-Groups", "Remote-Name", "Remote-Email")
_PERSON: Final = "".join(f"{name}: ada\r\n" for name in _NAMES)
_RATE: Final = 'X-Bastion-RateLimit-Policy: "x";q=600;w=60\r\nX-Bastion-RateLimit: "x";r=599;t=1\r\n'
_PROFILES: Final = ("strict", "legacy", "off", "custom")
_LONG: Final = "one_by_one"
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
	%s {
		respond "the app"
	}
}
"""
_PLAIN: Final = """
(plain) {
	route {
		forward_auth %s {
			uri /decide?
			copy_headers %s
		}
		{block}
	}
}
"""
_POLICY: Final = """
define: {headers: {custom: {referrer_policy: no-referrer, coep: require-corp, hsts: {max_age: 30d}}}}
apps: {app: {hosts: app.localhost, allow: authenticated, headers: %s}}
"""


@dataclass(slots=True)
class _Side:
    """One that is asked through a Caddy of its own. others: whose time is counted beside Caddy's, by what they are."""

    port: int
    caddy: int
    others: dict[str, int]
    rates: list[float] = field(default_factory=list)
    costs: dict[str, list[float]] = field(default_factory=dict)

    @property
    def all_costs(self) -> list[float]:
        return [sum(spent) for spent in zip(*self.costs.values(), strict=True)]

    async def measure(self, cookies: Sequence[str], count: int, connections: int) -> None:
        requests = [_request(self.port, path, cookies[at % _PEOPLE]) for at, path in enumerate(paths(SMALL_ROUTES, 4))]
        pids = {"caddy": self.caddy, **self.others}
        before = {who: cpu_us([pid]) for who, pid in pids.items()}
        load = await fire(
            f"127.0.0.1:{self.port}", requests, count=count, connections=connections, expected=b"HTTP/1.1 200 OK\r\n"
        )
        if load.wrong:
            raise SystemExit(f"through Caddy, {', '.join(pids)}: {load.wrong} answers were not the expected ones")
        self.rates.append(load.per_second)
        for who, pid in pids.items():
            self.costs.setdefault(who, []).append((cpu_us([pid]) - before[who]) / load.answers)

    def forget(self) -> None:
        self.rates, self.costs = [], {}


async def caddy_figures(site: Site, directory: Path, repetitions: int, count: int) -> list[Figure]:
    """All share the cores, and a crowd asks."""
    cookies = (await site.signed_in(_PEOPLE, (SMALL,)))[SMALL]
    directory.mkdir(parents=True, exist_ok=True)
    decision, before = f"unix/{site.decision}", _BEFORE.read_text()
    before = before.replace("<decision>", decision).replace("<web>", decision)
    with ExitStack() as stack:
        constant, responder = stack.enter_context(_saying(directory, "plain", _PERSON))
        plain_text = _PLAIN % (f"unix/{constant}", " ".join(_NAMES))

        def side(name: str, text: str, others: dict[str, int], around: str = "import bastion", **more: str) -> _Side:
            return _Side(*stack.enter_context(_caddy(directory / name, text, around, more)), others)

        deciders = {"gateway": site.workers[0], "valkey": site.pids["valkey"]}
        ours = _printed(site)
        sides = {
            "bastion": side("bastion", ours, deciders),
            "before": side("before", before, deciders),
            "plain": side("plain", plain_text, {"responder": responder}, "import plain"),
            "bastion_gogc": side("bastion_gogc", ours, deciders, **_GOGC),
            "plain_gogc": side("plain_gogc", plain_text, {"responder": responder}, "import plain", **_GOGC),
        }
        await _take_turns(tuple(sides.values()), cookies, repetitions, count, _CROWD)
        profiles = {name: stack.enter_context(_with_profile(directory, name)) for name in (*_PROFILES, _LONG)}
        await _take_turns(tuple(profiles.values()), cookies, repetitions, count, _CROWD)
    lean, plain = sides["bastion"], sides["plain"]
    return [
        Figure.ratio("caddy.cpu_vs_plain_forward_auth", lean.costs["caddy"], plain.costs["caddy"]),
        Figure.ratio(
            "caddy.cpu_vs_plain_forward_auth_gogc400",
            sides["bastion_gogc"].costs["caddy"],
            sides["plain_gogc"].costs["caddy"],
        ),
        Figure.ratio("caddy.all_cpu_vs_plain", lean.all_costs, plain.all_costs),
        Figure.ratio("caddy.throughput_vs_before", lean.rates, sides["before"].rates),
        Figure.ratio("caddy.throughput_vs_before_gogc400", sides["bastion_gogc"].rates, sides["before"].rates),
        Figure.of("caddy.per_second", lean.rates),
        *(Figure.of(f"caddy.cpu_us.bastion.{who}", spent) for who, spent in lean.costs.items()),
        *(Figure.of(f"caddy.cpu_us.plain.{who}", spent) for who, spent in plain.costs.items()),
        Figure.of("caddy.cpu_us.before.caddy", sides["before"].costs["caddy"]),
        Figure.of("caddy.cpu_us.bastion_gogc400.caddy", sides["bastion_gogc"].costs["caddy"]),
        *(Figure.of(f"caddy.cpu_us.profile.{name}", one.costs["caddy"]) for name, one in profiles.items()),
    ]


def _printed(site: Site) -> str:
    """The snippet for the site's own configuration."""
    argv = [sys.executable, "-m", "gateway", "caddy", "snippet", "--config", str(site.directory / "config.yaml")]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


@contextmanager
def _saying(directory: Path, name: str, head: str) -> Iterator[tuple[str, int]]:
    """Socket and pid of a responder that allows everything."""
    answer = directory / f"{name}.answer"
    answer.write_text(f"HTTP/1.1 200 OK\r\n{head}Content-Length: 0\r\n\r\n", newline="")
    with rival("httptools", directory / name, str(answer)) as found:
        yield found


@contextmanager
def _with_profile(directory: Path, name: str) -> Iterator[_Side]:
    """Caddy's work for one header profile, whoever decided."""
    route = _route("strict" if name == _LONG else name)
    said = (
        f"X-Bastion-Allow: {ONE_BY_ONE}\r\n{route.head.decode()}" if name == _LONG else route.header_set.line.decode()
    )
    nothing = (to_delete([], frozenset()) or b"").decode()
    with _saying(directory, f"profile_{name}", f"{said}{nothing}{_PERSON}{_RATE}") as (constant, responder):
        text = snippet_text(Snippet(f"unix/{constant}", f"unix/{constant}", header_sets=(route.header_set,)))
        with _caddy(directory / f"caddy_{name}", text, "import bastion", {}) as (port, pid):
            yield _Side(port, pid, {"responder": responder})


def _route(profile: str) -> Route:
    return compile_policy({"app.yaml": _POLICY % profile}, policy_site.Site.of("https://auth.localhost")).routes[0]


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
def _caddy(directory: Path, text: str, around: str, environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    """Its port and its pid."""
    directory.mkdir(parents=True, exist_ok=True)
    port = free_port()
    with closing(Children()) as children:
        caddy = EmbeddedCaddy(directory, children)
        with _environment(environment):
            caddy.start(_SITE % (text, SMALL, port, around))
        _await(port)
        yield port, caddy.pid
        caddy.stop()


@contextmanager
def _environment(more: dict[str, str]) -> Iterator[None]:
    """Of what is started meanwhile."""
    before = dict(os.environ)
    os.environ.update(more)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _await(port: int) -> None:
    deadline = time.monotonic() + _WITHIN_S
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise SystemExit("Caddy did not start")
