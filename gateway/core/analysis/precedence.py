"""The routes of a policy as they are looked for: what is most specific first, and who gets in by each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.core.analysis.condition_tree import worded
from gateway.core.analysis.explanation import limit_words, required_words
from gateway.core.policy.model import Policy
from gateway.core.policy.patterns import Expression, HostPattern, Literal, PathPattern, Step
from gateway.core.policy.places import Place
from gateway.core.policy.route import Leg, Route


@dataclass(frozen=True, slots=True)
class PathShown:
    """A path of a route. denied, allowed: who never and who comes in. limits, note, review: "" for none."""

    path: str
    methods: str
    route: str
    place: Place
    denied: tuple[str, ...]
    allowed: tuple[str, ...]
    limits: str
    note: str
    review: str


@dataclass(frozen=True, slots=True)
class LookedUp:
    """Hosts that have the same paths."""

    hosts: tuple[str, ...]
    paths: tuple[PathShown, ...]


def in_precedence(policy: Policy) -> Sequence[LookedUp]:
    """Of hosts and of paths alike a name stands before *, and * before **."""
    by_host: dict[object, tuple[HostPattern, list[tuple[PathPattern, Route]]]] = {}
    for route in policy.routes:
        for host in route.hosts:
            by_host.setdefault(host.key, (host, []))[1].extend((path, route) for path in route.paths)
    alike: dict[tuple[PathShown, ...], list[str]] = {}
    for host, paths in sorted(by_host.values(), key=lambda one: _host_order(one[0])):
        ordered = sorted(paths, key=lambda one: (_path_order(one[0]), -one[1].priority))
        alike.setdefault(tuple(_looked(path, route) for path, route in ordered), []).append(_host_text(host))
    return [LookedUp(tuple(hosts), paths) for paths, hosts in alike.items()]


def _looked(path: PathPattern, route: Route) -> PathShown:
    return PathShown(
        str(path),
        ", ".join(route.methods) or "all",
        route.name,
        route.place,
        tuple(worded(denial.condition) for denial in route.denials),
        tuple(_leg(leg) for leg in route.legs),
        limit_words(route.limits),
        route.note,
        "" if route.review is None else route.review.day,
    )


def _leg(leg: Leg) -> str:
    required = required_words(leg.require)
    return f"{worded(leg.condition)}, with {required}" if required else worded(leg.condition)


def _host_order(host: HostPattern) -> list[tuple[int, str]]:
    labels = [(0, label) if label is not None else (1, "") for label in host.labels]
    return [*labels, (2, "")] if host.rest else labels


def _host_text(host: HostPattern) -> str:
    labels: Iterable[str] = ("*" if label is None else label for label in host.labels[::-1])
    return ".".join(["**", *labels] if host.rest else labels)


def _path_order(path: PathPattern) -> list[tuple[int, str]]:
    steps = [_step_order(step) for step in path.steps]
    return [*steps, (3, "")] if path.rest else steps


def _step_order(step: Step) -> tuple[int, str]:
    match step:
        case Literal(text):
            return (0, text)
        case Expression(source):
            return (1, source)
        case _:
            return (2, "")
