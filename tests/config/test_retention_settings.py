"""What the section `retention` means, and of which of its values it warns."""

from pathlib import Path

import pytest

from gateway.config import load_config
from gateway.core.privacy.retention import InactiveTerms, RetentionTerms
from gateway.core.units import DAY_S
from tests.config.test_load import GOOD, problems, written


def terms(directory: Path, retention: dict[str, object], environ: dict[str, str] | None = None) -> RetentionTerms:
    return load_config(
        written(directory, {**GOOD, "retention": retention}), environ=environ or {}
    ).config.retention.terms()


def test_people_are_kept_until_somebody_says_otherwise(tmp_path: Path) -> None:
    assert terms(tmp_path, {}) == RetentionTerms(90 * DAY_S, 400 * DAY_S, 30 * DAY_S, None, None, 3 * 365 * DAY_S)
    assert terms(tmp_path, {"enabled": False, "never_used": "1d"}) == RetentionTerms()


@pytest.mark.parametrize("then", ["disable", "erase"])
def test_inactive_accounts_have_a_time_a_notice_and_an_end(tmp_path: Path, then: str) -> None:
    """As the issue writes it, and by the environment."""
    found = terms(tmp_path, {"never_used": "1y", "inactive": {"after": "2y", "notice": "30d", "then": then}})
    by_environment = terms(tmp_path, {}, {"BASTION_RETENTION_INACTIVE_AFTER": "2y"})

    assert found.never_used_s == 365 * DAY_S
    assert found.inactive == InactiveTerms(730 * DAY_S, 30 * DAY_S, then)  # type: ignore[arg-type]  # one of the two
    assert by_environment.inactive == InactiveTerms(730 * DAY_S, 30 * DAY_S, "disable")


def test_mistakes_are_named_with_their_place(tmp_path: Path) -> None:
    found = problems(written(tmp_path, {**GOOD, "retention": {"inactive": {"aftr": "2y", "notice": "soon"}}}))

    assert [line.partition(": ")[2] for line in found] == [
        "`retention.inactive.aftr` is no key; expected after, notice, then; did you mean `after`?",
        "`retention.inactive.notice` is `soon`; expected a duration from 1d to 3650d, shorter than after",
    ]


def test_results_of_controls_are_kept_for_a_year_at_least(tmp_path: Path) -> None:
    """Postgres would refuse to delete them earlier."""
    (problem,) = problems(written(tmp_path, {**GOOD, "retention": {"control_results": "364d"}}))

    assert problem.endswith("`retention.control_results` is `364d`; expected a duration from 365d to 3650d")
    assert terms(tmp_path, {"control_results": "365d"}).control_results_s == 365 * DAY_S


@pytest.mark.parametrize(("after", "wrong"), [("30d", True), ("31d", False)])
def test_a_notice_is_shorter_than_the_time(tmp_path: Path, after: str, *, wrong: bool) -> None:
    path = written(tmp_path, {**GOOD, "retention": {"inactive": {"after": after, "notice": "30d"}}})

    if wrong:
        (problem,) = problems(path)
        assert "`retention.inactive.notice` is not shorter than retention.inactive.after" in problem
    else:
        load_config(path, environ={})


@pytest.mark.parametrize(("kept", "warned"), [("364d", True), ("365d", False)])
def test_a_rule_below_its_legal_minimum_is_warned_of(tmp_path: Path, kept: str, *, warned: bool) -> None:
    loaded = load_config(written(tmp_path, {**GOOD, "retention": {"audit_personal": kept}}), environ={})

    found = [str(one).partition(": ")[2] for one in loaded.doubts if "retention.audit_personal" in str(one)]
    asks = "PCI DSS 10.5.1 asks to keep the audit log for a year; expected 365d or more"
    assert found == ([f"`retention.audit_personal` is 364d: {asks}"] if warned else [])
