"""Turns what flows tell into metrics."""

from collections.abc import Callable
from typing import Final, get_args

from gateway.core.errors import GatewayError, StoreUnavailable
from gateway.core.password.breached import BreachVerdict
from gateway.figures import BREACH_SOURCES, OAUTH_REFUSALS
from gateway.flows.evidence.tallies import CSRF, Tallies
from gateway.flows.transaction import RecordUnavailable
from gateway.metrics import Slot
from gateway.web.errors import CrossSite

_OAUTH: Final = "/oauth2"


def counter(slot: Slot, name: str, values: tuple[str, ...]) -> Callable[[str], None]:
    """Of a metric with one label; each of its values has a cell, found once."""
    cells = {value: slot.cell(name, value) for value in values}
    return lambda value: cells[value].add()


def stopwatch(slot: Slot, name: str, values: tuple[str, ...]) -> Callable[[str, int], None]:
    """Of a histogram of seconds with one label. Hears microseconds."""
    timers = {value: slot.timer(name, value) for value in values}
    return lambda value, took_us: timers[value].observe(took_us)


def refusal_counter(slot: Slot) -> Callable[[str, str], None]:
    """Hears of the path of an endpoint, and the error that an app was told."""
    count = counter(slot, "bastion_oauth_refusals", OAUTH_REFUSALS)

    def refused(path: str, error: str) -> None:
        below, _, endpoint = path.rpartition("/")
        count(f"{endpoint if below == _OAUTH else 'metadata'} {error}")

    return refused


def breach_counter(slot: Slot, source: str | None) -> Callable[[BreachVerdict], None]:
    """source: as configured; without a corpus there is no verdict to count."""
    if source not in BREACH_SOURCES:
        return lambda _verdict: None
    count = {verdict: slot.cell("bastion_breach_checks", f"{source} {verdict}") for verdict in get_args(BreachVerdict)}
    return lambda verdict: count[verdict].add()


def store_counter(slot: Slot) -> Callable[[str], None]:
    return counter(slot, "bastion_store_failures", ("postgres", "redis"))


def failure_counter(slot: Slot) -> Callable[[Exception], None]:
    """A store that does not answer, or an error that is ours."""
    lost, ours = store_counter(slot), slot.cell("bastion_errors")

    def failed(error: Exception) -> None:
        if isinstance(error, RecordUnavailable):
            lost("postgres")
        elif isinstance(error, StoreUnavailable):
            lost("redis")
        elif not isinstance(error, GatewayError):
            ours.add()

    return failed


def attempt_counter(failed: Callable[[Exception], None], tallies: Tallies, host: str) -> Callable[[Exception], None]:
    """Hears what `failed` hears, which hears it too. Another site's form is an attempt; one of ours that has expired is
    none.
    """

    def heard(error: Exception) -> None:
        failed(error)
        if type(error) is CrossSite:
            tallies.count_attempt(CSRF, host)

    return heard
