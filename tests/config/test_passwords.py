"""The section `password`: its defaults, its bounds, and which standard advises against what."""

from pathlib import Path
from typing import Any

import pytest

from gateway.cli._files import file_troubles
from gateway.config import load_config
from gateway.core.password.rules import PasswordRules
from tests.config.test_load import GOOD, problems, written


def doubts(directory: Path, **password: Any) -> list[str]:
    loaded = load_config(written(directory, {**GOOD, "password": password}), environ={})
    return [one.message for one in loaded.doubts]


def test_the_defaults_are_those_of_the_rules_and_nothing_is_doubted(tmp_path: Path) -> None:
    document = {**GOOD, "pages": {"name": "Acme Works"}, "password": {"words": ["springfield"]}}

    loaded = load_config(written(tmp_path, document), environ={})

    assert loaded.doubts == ()
    assert loaded.config.password_rules() == PasswordRules(words=("bastion", "Acme Works", "springfield"))


@pytest.mark.parametrize(
    ("key", "least", "most"),
    [("length", 8, 64), ("length_with_mfa", 8, 64), ("strength", 0, 4), ("history", 0, 24), ("classes", 0, 4)],
)
def test_each_number_has_both_bounds(tmp_path: Path, key: str, least: int, most: int) -> None:
    for value in (least, most):
        loaded = load_config(written(tmp_path, {**GOOD, "password": {"length": 64, key: value}}), environ={})
        assert getattr(loaded.config.password, key) == value
    for value in (least - 1, most + 1):
        (problem,) = problems(written(tmp_path, {**GOOD, "password": {key: value}}))
        assert f"expected a whole number from {least} to {most}" in problem


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ({"length": 14}, "`password.length` is less than 15, the least that NIST SP 800-63B-4"),
        ({"classes": 1}, "NIST SP 800-63B-4 section 3.1.1.2 forbids those"),
    ],
)
def test_what_a_standard_advises_against_is_doubted(tmp_path: Path, password: dict[str, Any], says: str) -> None:
    (doubt,) = doubts(tmp_path, **password)

    assert says in doubt


def test_people_with_a_factor_need_no_longer_password_than_others(tmp_path: Path) -> None:
    assert doubts(tmp_path, length=20, length_with_mfa=20) == []
    (problem,) = problems(written(tmp_path, {**GOOD, "password": {"length": 20, "length_with_mfa": 21}}), dev=True)
    assert "is more than password.length" in problem


@pytest.mark.parametrize("source", ["api", "index", "off"])
def test_production_takes_each_source_that_is_written(tmp_path: Path, source: str) -> None:
    loaded = load_config(written(tmp_path, {**GOOD, "breach": {"source": source}}), environ={})

    assert (loaded.config.breach.source, loaded.config.breach_index) == (
        source,
        tmp_path / "data" / "breached-passwords.index",
    )


def test_dev_asks_nobody_unless_it_is_told_to(tmp_path: Path) -> None:
    assert load_config(written(tmp_path, {"profile": "dev"}), environ={}).config.breach.source == "off"
    path = written(tmp_path, {"profile": "dev", "breach": {"source": "index", "index": "a/b"}})
    assert load_config(path, environ={}).config.breach_index == tmp_path / "a" / "b"


def test_production_sends_no_digits_in_clear_text(tmp_path: Path) -> None:
    breach = {"source": "api", "api": "http://mirror.internal/range/"}

    assert (
        "`breach.api` sends digits of passwords in clear text"
        in problems(written(tmp_path, {**GOOD, "breach": breach}))[0]
    )
    breach["source"] = "off"
    assert load_config(written(tmp_path, {**GOOD, "breach": breach}), environ={}).doubts == ()


def test_an_index_that_is_asked_must_be_there(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, {**GOOD, "breach": {"source": "index"}}), environ={}).config

    assert "can't be read" in file_troubles(config)["breach.index"]
    off = config.model_copy(update={"breach": config.breach.model_copy(update={"source": "off"})})
    assert "breach.index" not in file_troubles(off)
