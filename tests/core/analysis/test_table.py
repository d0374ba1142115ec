"""The decision table, and the policies that are shipped."""

from pathlib import Path

import pytest

from gateway.core.analysis.tests_runner import run_tests
from gateway.core.policy.cases import PolicyTest
from gateway.core.policy.compile import Policy, Site, compile_policy
from tests.core.policy.build import NOW

ROOT = Path(__file__).resolve().parents[3]
TABLE = Path(__file__).with_name("table.yaml")
SHIPPED = [ROOT / "gateway" / "demo" / "policy.yaml", *sorted((ROOT / "policies").glob("*.yaml"))]


def load(path: Path) -> Policy:
    return compile_policy({path.name: path.read_text()}, Site("auth.example.org"))


def one_test(policy: Policy, test: PolicyTest) -> Policy:
    return Policy(
        policy.version,
        policy.hosts,
        policy.routes,
        (test,),
        policy.networks,
        policy.site,
        policy.exact_hosts,
        policy.other_hosts,
    )


@pytest.mark.parametrize("test", load(TABLE).tests, ids=lambda test: f"line {test.place.line}")
def test_each_row_of_the_table_holds(test: PolicyTest) -> None:
    assert run_tests(one_test(load(TABLE), test), NOW) == ()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.name))
def test_a_shipped_policy_compiles_and_its_tests_pass(path: Path) -> None:
    policy = load(path)

    assert policy.tests
    assert run_tests(policy, NOW) == ()


def test_all_example_policies_together_are_one_policy() -> None:
    sources = {path.name: path.read_text() for path in SHIPPED[1:]}

    assert run_tests(compile_policy(sources, Site("auth.example.org")), NOW) == ()


def test_a_test_that_does_not_hold_says_what_came_instead() -> None:
    text = """
apps: {wiki: {hosts: wiki.example.org, allow: {groups: staff}}}
tests:
  - {request: GET https://wiki.example.org/, as: {user: eve}, expect: allow}
"""
    policy = compile_policy({"wiki.yaml": text}, Site("auth.example.org"))

    (failure,) = run_tests(policy, NOW)

    assert (failure.file, failure.line, failure.column) == ("wiki.yaml", 4, 5)
    assert failure.message == (
        "GET https://wiki.example.org/ as eve: expected allow, got deny by wiki/rest (not among those allowed here); "
        "leg 1 (wiki.yaml:2:47) groups staff: no -> deny; eve: groups -, logged in 0s ago, no second factor"
    )
