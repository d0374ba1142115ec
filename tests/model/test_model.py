"""The consistency of Redis with Postgres (docs/consistency.md): all states within bounds, with everything that the
protocol is made of, and with each part of it taken away.
"""

import importlib
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Final

import pytest

from tests.model import nodes
from tests.model.acts import PROGRAMS
from tests.model.explore import Scenario, explore
from tests.model.faults import FAILOVER, FLUSH, MOVE, POSTGRES, RESTART, VANISH
from tests.model.mechanisms import ALL, Mechanisms
from tests.model.scenarios import SAMPLE, SCENARIOS, explored, is_large, is_sampled, told

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "consistency.md"


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_protocol_keeps_its_promise_in_every_state(name: str) -> None:
    found = explored(name)

    assert found.broken is None, told(found)
    assert found.states >= (SAMPLE if is_sampled(name) else SCENARIOS[name][1])


@pytest.mark.parametrize("name", [name for name in SCENARIOS if is_large(name)])
def test_a_sample_finds_what_breaks(name: str) -> None:
    assert explore(SCENARIOS[name][0], without("lease_before_read"), sample=SAMPLE).broken


# mechanism -> where it shows, and which promise breaks
TAKEN_AWAY: Final[dict[str, tuple[Scenario, str]]] = {
    "stamped_records": (SCENARIOS["a logout, one fault"][0], "S1"),
    "stamped_leases": (SCENARIOS["a logout, one fault"][0], "S1"),
    "stamped_codes": (SCENARIOS["a hand-off, one fault"][0], "S5"),
    "fill_needs_the_lease": (SCENARIOS["a login and its logout"][0], "S1"),
    "fresh_tokens": (SCENARIOS["a login and its logout"][0], "S1"),
    "stale_ends_the_lease": (SCENARIOS["a hand-off and a logout"][0], "S2"),
    "stale_leaves_an_end": (SCENARIOS["a logout without Postgres"][0], "S1"),
    "looks_again": (SCENARIOS["a logout, two faults"][0], "S1"),
    "epoch_in_stamps": (SCENARIOS["a logout, in a cluster"][0], "S1"),
    "due": (SCENARIOS["a login and its logout"][0], "S3"),
    "lease_before_read": (SCENARIOS["a login and its logout"][0], "S1"),
    "reads_the_primary": (SCENARIOS["a logout, one fault"][0], "S1"),
    "reads_the_person": (SCENARIOS["groups and a disabled person"][0], "S2"),
    "asks_again_when_refused": (SCENARIOS["a login and its logout"][0], "S1"),
    "commit_before_redis": (SCENARIOS["a login and its logout"][0], "S1"),
    "redis_before_answer": (SCENARIOS["a login and its logout"][0], "S1"),
    "rotation_marks_stale": (SCENARIOS["a rotation and a logout"][0], "S2"),
    "handoff_marks_stale": (SCENARIOS["a hand-off and a logout"][0], "S2"),
    "groups_mark_stale": (SCENARIOS["groups and a disabled person"][0], "S2"),
    "retry_does_redis_again": (SCENARIOS["a login and its logout"][0], "S1"),
    "holds_the_password": (SCENARIOS["a login while its password is changed"][0], "S1"),
    "only_refill_writes": (SCENARIOS["a login while its person is disabled"][0], "S1"),
    "completion_ends_in_redis": (SCENARIOS["a logout without Postgres, and Redis emptied"][0], "S1"),
    "marker_lasts": (SCENARIOS["a logout without Postgres, memory full"][0], "S1"),
    "old_primary_stops": (SCENARIOS["a logout, one fault"][0], "S1"),
}


@pytest.mark.parametrize("mechanism", TAKEN_AWAY)
def test_each_mechanism_carries_weight(mechanism: str) -> None:
    scenario, promise = TAKEN_AWAY[mechanism]

    found = explore(scenario, without(mechanism), promise)

    assert found.broken, f"nothing of {promise} breaks without {mechanism}, in {found.states} states"


def test_every_mechanism_is_taken_away_somewhere() -> None:
    assert {*TAKEN_AWAY} == {field.name for field in fields(Mechanisms)}


def test_a_login_that_holds_the_password_and_a_refill_that_reads_them_are_each_others_spare() -> None:
    """Who is disabled in the middle of a login is met twice: there no promise rests on the lock alone."""
    scenario = SCENARIOS["a login while its person is disabled"][0]

    without_lock = explore(scenario, without("holds_the_password"))
    without_both = explore(scenario, without("holds_the_password", "reads_the_person"), "S1")

    assert without_lock.broken is None, told(without_lock)
    assert without_both.broken


def test_a_marker_that_redis_loses_before_postgres_has_the_journal_is_no_promise() -> None:
    """The known limit of a logout without Postgres: two failures at once (docs/consistency.md)."""
    scenario = Scenario(("logout", "completion"), frozenset({POSTGRES, FLUSH}), 2)

    assert explore(scenario, ALL, "S1").broken


def test_every_step_is_taken_and_stands_for_code_that_is_there() -> None:
    taken = {label for name in SCENARIOS for label in explored(name).taken}
    nodes_do = (nodes.DECIDE, nodes.CONFIRM, nodes.READ_LOGIN_ROW, nodes.READ_USER_ROW, nodes.FILL, nodes.END)
    labels = [f"{name}: {step.stands_for}" for name, program in PROGRAMS.items() for step in program]

    for label in (*labels, *nodes_do, nodes.UNAVAILABLE, FLUSH, RESTART, FAILOVER, MOVE, VANISH, POSTGRES):
        assert any(label in one for one in taken), label
    for name in {step.stands_for for program in PROGRAMS.values() for step in program} | {*nodes_do, nodes.UNAVAILABLE}:
        module, found = _module_of(name)
        for part in name.removeprefix(f"{module}.").split("."):
            assert hasattr(found, part), name
            found = getattr(found, part)


@pytest.mark.parametrize("mechanism", TAKEN_AWAY)
def test_the_page_says_what_each_mechanism_is_for(mechanism: str) -> None:
    row = re.search(rf"^\|.*`{mechanism}`.*\| (S\d) \|$", PAGE.read_text(), re.MULTILINE)

    assert row
    assert row[1] == TAKEN_AWAY[mechanism][1]


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_page_says_how_far_each_scenario_goes(name: str) -> None:
    scenario, at_least = SCENARIOS[name]
    row = re.search(rf"^\| {name} \| {scenario.nodes} \| .+ \| ([\d,]+) \|$", PAGE.read_text(), re.MULTILINE)

    assert row
    states = int(row[1].replace(",", ""))
    assert at_least <= states if is_sampled(name) else states == explored(name).states


def without(*mechanisms: str) -> Mechanisms:
    return replace(ALL, **dict.fromkeys(mechanisms, False))


def _module_of(name: str) -> tuple[str, object]:
    parts = name.split(".")
    module = ".".join(part for part in parts if part == part.lower() and not part.startswith("_"))
    while module:
        try:
            return module, importlib.import_module(module)
        except ModuleNotFoundError:
            module = module.rpartition(".")[0]
    raise AssertionError(name)
