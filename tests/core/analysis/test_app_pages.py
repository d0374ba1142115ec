"""The policies of docs/apps: each with what all of them share, and all together."""

import re
from pathlib import Path
from typing import Final

import pytest

from gateway.core.analysis.lint import lint
from gateway.core.analysis.tests_runner import run_tests
from gateway.core.policy.compile import Policy, Site, compile_policy
from tests.core.policy.build import NOW

APPS: Final = Path(__file__).resolve().parents[3] / "docs" / "apps"
SHARED: Final = APPS / "README.md"
PAGES: Final = sorted({*APPS.glob("*.md")} - {SHARED})


def written_in(page: Path) -> str:
    (block,) = re.findall(r"^```yaml\n(# policies/.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return str(block)


def policy_of(*pages: Path) -> Policy:
    sources = {page.name: written_in(page) for page in (SHARED, *pages)}
    return compile_policy(sources, Site("auth.example.org"))


def test_each_app_has_a_page() -> None:
    assert {page.stem for page in PAGES} >= {"forgejo", "grafana", "jellyfin", "paperless", "vaultwarden"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.stem))
def test_the_policy_of_a_page_holds_and_leaves_nothing_to_warn_of(page: Path) -> None:
    policy = policy_of(page)

    assert len(policy.tests) >= 7
    assert run_tests(policy, NOW) == ()
    assert lint(policy, NOW) == ()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.stem))
def test_every_page_is_in_the_list(page: Path) -> None:
    assert f"]({page.name})" in SHARED.read_text()


def test_all_of_them_are_one_policy() -> None:
    assert run_tests(policy_of(*PAGES), NOW) == ()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.stem))
def test_without_its_legs_on_tokens_of_the_app_no_request_of_the_tests_comes_in_by_one(page: Path) -> None:
    """So the tests of the page do look at them."""
    shut = re.sub(r"\{app_token: \w+\}", "nobody", written_in(page))
    if shut == written_in(page):
        return
    policy = compile_policy({"shared": written_in(SHARED), "page": shut}, Site("auth.example.org"))

    assert any("expected allow, got login" in failure.message for failure in run_tests(policy, NOW))
