"""Owns the figures: plain integers in memory that all workers share, added up when somebody asks.

Each worker writes only its own slot, so no lock is needed; a slot outlives its worker, so counters never go back.
"""

import mmap
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.core.compliance.controls import BY_ID
from gateway.core.compliance.page import STATES
from gateway.core.jose.algorithms import SIGNING_ALGORITHMS
from gateway.core.oauth.errors import ERRORS
from gateway.core.oauth.grants import GRANT_TYPES
from gateway.core.outbox.kinds import MessageKind
from gateway.core.outcomes import OUTCOMES, PROOF_OUTCOMES
from gateway.core.privacy.retention import RETENTION_RULES
from gateway.core.webhooks.endpoint import MOST_ENDPOINTS

_INTEGER: Final = 8
_HALF_BYTES: Final = 7  # of a name, in one integer: its sign stays free
_NAME_BYTES: Final = 2 * _HALF_BYTES
_NAMED_WIDTH: Final = 3  # integers: the name's two, and the level
_MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Counter:
    """Only grows. label: with a closed set of values, known before the workers start. Several labels, and their
    values, have a blank between them.
    """

    name: str
    about: str
    label: str = ""
    values: tuple[str, ...] = ("",)


@dataclass(frozen=True, slots=True)
class Gauge:
    """A level of each worker; the sum is shown. A worker that dies takes its levels with it. label: as of Counter.

    named: the values of the label are named while the worker runs, at most so many.
    """

    name: str
    about: str
    label: str = ""
    values: tuple[str, ...] = ("",)
    named: int = 0


@dataclass(frozen=True, slots=True)
class Histogram:
    """Whole numbers that are observed. bounds: upper bounds, growing. unit: how many make one of what is shown."""

    name: str
    about: str
    bounds: tuple[int, ...]
    unit: int = _MICROSECONDS


Figure = Counter | Gauge | Histogram
JOBS: Final = (
    "linker",
    "unknown_names",
    "attempts",
    "factor_resets",
    "lockouts",
    "outbox",
    "authorization",
    "signing_keys",
    "master_keys",
    "grants",
    "removed_clients",
    "risk",
    "beyond_mail",
    "notices",
    "erasures",
    "settings",
    "consoles",
    "session_ending",
    "retention",
    "controls",
    "webhooks",
    "refusals",
)
OAUTH_ENDPOINTS: Final = ("authorize", "par", "token", "userinfo", "introspect", "revoke", "metadata")
OAUTH_REFUSALS: Final = tuple(f"{endpoint} {error}" for endpoint in OAUTH_ENDPOINTS for error in ERRORS)
BREACH_SOURCES: Final = ("api", "index")
LOGIN_OUTCOMES: Final = ("accepted", "step_up", "blocked", "wrong", "locked", "throttled", "abandoned", "unavailable")
FACTOR_CHECKS: Final = tuple(
    f"{factor} {outcome}"
    for factor, outcomes in {
        "totp": ("accepted", "wrong"),
        "recovery_code": ("accepted", "wrong"),
        "passkey": ("accepted", "wrong", "expired", "not_verified", "suspended"),
    }.items()
    for outcome in outcomes
)
CONTROL_STATES: Final = tuple(f"{control} {state}" for control in BY_ID for state in STATES)
LICENCE_STATES: Final = ("community", "valid", "grace", "expired", "not_yet", "broken", "clock_behind")
_MESSAGE_KINDS: Final = tuple(kind.value for kind in MessageKind if kind.is_sent)
_MESSAGES: Final = tuple(f"{kind} {state}" for kind in _MESSAGE_KINDS for state in ("waiting", "dead"))
FIGURES: Final[tuple[Figure, ...]] = (
    Counter("bastion_decisions", "Decisions by outcome.", "outcome", OUTCOMES),
    Histogram(
        "bastion_decision_seconds",
        "From the last byte of the request to the first byte of the answer.",
        (100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000, 1_000_000),
    ),
    Counter(
        "bastion_refusals", "Denied and limited requests, kept for the console or not.", "outcome", ("kept", "dropped")
    ),
    Gauge("bastion_strangers_waiting", "Anonymous requests that wait in the queue."),
    Counter("bastion_proofs", "DPoP proofs that came with requests to apps.", "outcome", PROOF_OUTCOMES),
    Counter("bastion_logins", "Attempts to log in.", "outcome", LOGIN_OUTCOMES),
    Counter("bastion_factor_checks", "Codes and passkeys that came.", "factor outcome", FACTOR_CHECKS),
    Counter(
        "bastion_breach_checks",
        "Passwords that were looked up among the breached ones.",
        "source outcome",
        tuple(f"{source} {outcome}" for source in BREACH_SOURCES for outcome in ("clear", "found", "not_checked")),
    ),
    Histogram(
        "bastion_login_score",
        "The risk score of logins with the right password.",
        (9, 19, 29, 39, 49, 59, 69, 79, 89, 99),
        unit=1,
    ),
    Gauge("bastion_geoip_age_seconds", "How long ago the GeoIP file was built; 0 without a file."),
    Counter("bastion_logouts", "Logins that their person ended."),
    Counter(
        "bastion_refills",
        "Records copied from Postgres to Redis.",
        "outcome",
        ("filled", "refused", "busy", "unavailable"),
    ),
    Counter("bastion_policy_loads", "Policies that were read.", "outcome", ("accepted", "refused")),
    Gauge("bastion_policy_stale", "Workers that serve an older policy because they refused the newest."),
    Counter(
        "bastion_checkpoint_deliveries",
        "Checkpoints of the audit log for the webhook.",
        "outcome",
        ("delivered", "failed", "dropped"),
    ),
    Gauge("bastion_audit_unlinked", "Committed entries of the audit log that no link holds yet."),
    Histogram(
        "bastion_audit_link_seconds",
        "How long the oldest entry that a round of the linker found had waited.",
        (1, 2, 5, 10, 30, 60, 300),
        unit=1,
    ),
    Counter(
        "bastion_logout_deliveries",
        "Logout tokens for apps, also needless ones.",
        "outcome",
        ("delivered", "failed"),
    ),
    Counter("bastion_mail_deliveries", "Mail to people.", "outcome", ("delivered", "failed")),
    Counter("bastion_webhook_deliveries", "Events for webhook endpoints.", "outcome", ("delivered", "failed")),
    Gauge(
        "bastion_webhook_behind",
        "Entries of the audit log that a webhook endpoint has not got yet.",
        "endpoint",
        (),
        named=MOST_ENDPOINTS,
    ),
    Gauge("bastion_webhook_endpoints", "Webhook endpoints.", "state", ("active", "failing", "paused")),
    Gauge("bastion_outbox", "Messages that wait to be delivered, and dead letters.", "kind state", _MESSAGES),
    Gauge("bastion_outbox_oldest_seconds", "The age of the oldest waiting message.", "kind", _MESSAGE_KINDS),
    Counter("bastion_oauth_refusals", "Errors that apps were told.", "endpoint error", OAUTH_REFUSALS),
    Gauge("bastion_backup_age_seconds", "How long ago the last backup was made; without one, since 1970."),
    Gauge("bastion_erasures", "Erasures that are asked for, or begun and not done.", "state", ("asked", "unfinished")),
    Counter(
        "bastion_retention_rows", "Logins, messages, months and people that retention took.", "rule", RETENTION_RULES
    ),
    Counter("bastion_job_failures", "Rounds of background work that failed or hung.", "job", JOBS),
    Gauge(
        "bastion_signing_keys",
        "Keys that sign tokens, as each node knows them.",
        "alg state",
        tuple(f"{alg} {state}" for alg in SIGNING_ALGORITHMS for state in ("next", "active", "retiring")),
    ),
    Gauge("bastion_signing_key_copies_missing", "Signing keys of which a node could not write its copy to disk."),
    Counter("bastion_tokens_issued", "Answers with tokens.", "grant", GRANT_TYPES),
    Counter(
        "bastion_refreshes",
        "Exchanges of refresh tokens.",
        "outcome",
        ("rotated", "repeated", "reused", "refused"),
    ),
    Counter(
        "bastion_jwks_fetches",
        "Fetches of keys that clients publish at a URL.",
        "outcome",
        ("fetched", "unreachable", "malformed"),
    ),
    Counter("bastion_store_failures", "Calls that a store did not answer.", "store", ("postgres", "redis")),
    Counter("bastion_errors", "Requests that failed because of a bug in Bastion."),
    Gauge("bastion_control", "1 for the state of each control.", "control state", CONTROL_STATES),
    Gauge("bastion_licence", "1 for the state of the licence.", "state", LICENCE_STATES),
    Gauge("bastion_workers", "Workers that serve now."),
    Counter("bastion_worker_starts", "Starts of workers."),
)


class Cell:
    """One integer of one worker."""

    __slots__ = ("_index", "_integers")

    def __init__(self, integers: memoryview, index: int) -> None:
        self._integers = integers
        self._index = index

    def add(self, amount: int = 1) -> None:
        self._integers[self._index] += amount

    def set(self, level: int) -> None:
        self._integers[self._index] = level


class NamedLevels:
    """Of one worker, by names of up to _NAME_BYTES ASCII characters."""

    __slots__ = ("_integers", "_most")

    def __init__(self, integers: memoryview, most: int) -> None:
        self._integers = integers
        self._most = most

    def set(self, levels: Mapping[str, int]) -> None:
        """All of them anew; those that are too many are left out."""
        self.forget()
        for number, (name, level) in enumerate([*levels.items()][: self._most]):
            raw = name.encode("ascii").ljust(_NAME_BYTES, b"\0")
            halves = raw[:_HALF_BYTES], raw[_HALF_BYTES:_NAME_BYTES]
            first = number * _NAMED_WIDTH
            self._integers[first + 2] = level
            self._integers[first], self._integers[first + 1] = (int.from_bytes(half, "big") for half in halves)

    def forget(self) -> None:
        for index in range(self._most * _NAMED_WIDTH):
            self._integers[index] = 0

    def get(self) -> dict[str, int]:
        found = dict[str, int]()
        for first in range(0, self._most * _NAMED_WIDTH, _NAMED_WIDTH):
            raw = b"".join(int(one).to_bytes(_HALF_BYTES, "big") for one in self._integers[first : first + 2])
            if raw.strip(b"\0"):
                found[raw.rstrip(b"\0").decode("ascii")] = int(self._integers[first + 2])
        return found


class Timer:
    """One histogram of one worker."""

    __slots__ = ("_bounds", "_first", "_integers", "_sum")

    def __init__(self, integers: memoryview, first: int, bounds: tuple[int, ...]) -> None:
        self._integers = integers
        self._first = first
        self._bounds = bounds
        self._sum = first + len(bounds) + 1

    def observe(self, amount: int) -> None:
        integers, first = self._integers, self._first
        integers[first + bisect_left(self._bounds, amount)] += 1
        integers[self._sum] += amount


class Slot:
    """What one worker may write."""

    def __init__(self, integers: memoryview, places: dict[tuple[str, str], int], figures: Sequence[Figure]) -> None:
        self._integers = integers
        self._places = places
        self._figures = {figure.name: figure for figure in figures}

    def cell(self, name: str, value: str = "") -> Cell:
        """Raises KeyError for a figure or a label value that FIGURES does not have."""
        return Cell(self._integers, self._places[name, value])

    def named(self, name: str) -> NamedLevels:
        figure = self._figures[name]
        assert isinstance(figure, Gauge)
        return NamedLevels(self._integers[self._places[name, ""] :], figure.named)

    def timer(self, name: str) -> Timer:
        figure = self._figures[name]
        assert isinstance(figure, Histogram)
        return Timer(self._integers, self._places[name, ""], figure.bounds)

    def reset_gauges(self) -> None:
        """A new worker takes over the slot of a dead one."""
        for figure in self._figures.values():
            if isinstance(figure, Gauge):
                if figure.named:
                    self.named(figure.name).forget()
                for value in figure.values:
                    self._integers[self._places[figure.name, value]] = 0


class Metrics:
    """Made before the workers are forked; the memory is shared with them."""

    def __init__(self, slots: int, figures: Sequence[Figure] = FIGURES) -> None:
        self.slots = slots
        self._figures = figures
        self._places: dict[tuple[str, str], int] = {}
        self._width = 0
        for figure in figures:
            self._place(figure)
        self._integers = memoryview(mmap.mmap(-1, max(1, slots * self._width) * _INTEGER)).cast("q")

    def slot(self, number: int) -> Slot:
        """number: 0 to slots - 1; two living workers must not have the same."""
        assert 0 <= number < self.slots
        mine = self._integers[number * self._width : (number + 1) * self._width]
        return Slot(mine, self._places, self._figures)

    def level(self, number: int, name: str, value: str = "") -> int:
        """What one slot holds."""
        return int(self._integers[number * self._width + self._places[name, value]])

    def total(self, name: str, value: str = "") -> int:
        """What all slots hold together."""
        return self._sum(self._places[name, value])

    def render(self) -> bytes:
        """In the text format of Prometheus."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Sums(self._families()))
        return generate_latest(registry)

    def _place(self, figure: Figure) -> None:
        if isinstance(figure, Histogram):
            self._places[figure.name, ""] = self._width
            self._width += len(figure.bounds) + 2  # one more bucket without a bound, and the sum
            return
        if isinstance(figure, Gauge) and figure.named:
            self._places[figure.name, ""] = self._width
            self._width += figure.named * _NAMED_WIDTH
            return
        for value in figure.values:
            self._places[figure.name, value] = self._width
            self._width += 1

    def _sum(self, place: int) -> int:
        return sum(self._integers[slot * self._width + place] for slot in range(self.slots))

    def _families(self) -> Iterator[Metric]:
        for figure in self._figures:
            if isinstance(figure, Histogram):
                yield self._histogram(figure)
                continue
            kind = CounterMetricFamily if isinstance(figure, Counter) else GaugeMetricFamily
            family = kind(figure.name, figure.about, labels=figure.label.split())
            for value in figure.values:
                family.add_metric(value.split(), self._sum(self._places[figure.name, value]))
            if isinstance(figure, Gauge) and figure.named:
                for name, level in self._named(figure).items():
                    family.add_metric([name], level)
            yield family

    def _named(self, figure: Gauge) -> dict[str, int]:
        found = dict[str, int]()
        for number in range(self.slots):
            for name, level in self.slot(number).named(figure.name).get().items():
                found[name] = found.get(name, 0) + level
        return found

    def _histogram(self, figure: Histogram) -> Metric:
        first, reached = self._places[figure.name, ""], 0
        buckets: list[tuple[str, float]] = []
        for offset in range(len(figure.bounds) + 1):
            reached += self._sum(first + offset)
            bounded = offset < len(figure.bounds)
            buckets.append((str(figure.bounds[offset] / figure.unit) if bounded else "+Inf", reached))
        total = self._sum(first + len(figure.bounds) + 1) / figure.unit
        return HistogramMetricFamily(figure.name, figure.about, buckets=buckets, sum_value=total)


class _Sums(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterable[Metric]:
        return self._families
