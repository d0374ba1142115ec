"""The section `risk`: its defaults, what weakens logins, and the files that it names."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.cli import bastion
from gateway.config import load_config
from gateway.core.risk.score import Weights
from tests.config.test_load import GOOD, problems, written
from tests.mmdb import city, write_mmdb

WRONG = {
    "a weight that is none": ({"weights": {"new_phone": 3}}, "expected a map of weights"),
    "too many points": ({"weights": {"new_device": 101}}, "expected a map of weights to points from 0 to 100"),
    "fewer than none": ({"weights": {"new_device": -1}}, "expected a map of weights to points from 0 to 100"),
    "a word": ({"weights": {"new_device": "many"}}, "expected a map of weights to points from 0 to 100"),
    "true is no number": ({"weights": {"new_device": True}}, "expected a map of weights to points from 0 to 100"),
    "never below 1": ({"step_up_at": 0}, "expected a whole number from 1 to 101"),
    "above never": ({"block_at": 102}, "expected a whole number from 1 to 101"),
    "blocked before it is asked": ({"step_up_at": 71}, "above risk.block_at, so it never counts; expected at most 70"),
    "no such way": ({"without_factor": "sms"}, "expected mail, refuse or admit"),
    "bits behind the mask": ({"known_networks": ["203.0.113.7/24"]}, "expected addresses or CIDRs"),
    "too short": ({"remember": "23h"}, "expected a duration from 1d to 730d"),
}


@pytest.mark.parametrize(("risk", "message"), WRONG.values(), ids=list(WRONG))
def test_what_can_not_be_is_refused(tmp_path: Path, risk: dict[str, Any], message: str) -> None:
    (problem,) = problems(written(tmp_path, {**GOOD, "risk": risk}))

    assert message in problem


def test_the_defaults_are_those_of_the_score(tmp_path: Path) -> None:
    loaded = load_config(written(tmp_path, GOOD), environ={})
    risk = loaded.config.risk

    assert risk.weighed() == Weights()
    assert (risk.step_up_at, risk.block_at, risk.without_factor) == (40, 70, "mail")
    assert risk.remember_s == 180 * 86_400
    assert loaded.doubts == ()


def test_a_weight_that_is_left_out_keeps_its_default(tmp_path: Path) -> None:
    path = written(tmp_path, {**GOOD, "risk": {"weights": {"new_device": 35, "anonymising": 0}}})

    assert load_config(path, environ={}).config.risk.weighed() == Weights(new_device=35, anonymising=0)


def test_the_environment_sets_weights_networks_and_the_retention(tmp_path: Path) -> None:
    environ = {
        "BASTION_RISK_WEIGHTS": "new_device=35, new_ip=0",
        "BASTION_RISK_KNOWN_NETWORKS": "203.0.113.0/24",
        "BASTION_RISK_REMEMBER": "30d",
    }
    risk = load_config(written(tmp_path, GOOD), environ=environ).config.risk

    assert risk.weighed() == Weights(new_device=35, new_ip=0)
    assert [str(one) for one in risk.known_networks] == ["203.0.113.0/24"]
    assert risk.remember_s == 30 * 86_400


DOUBTFUL = {
    "admit": ({"without_factor": "admit"}, "weakens logins: a stolen password is enough on a strange device"),
    "everybody": ({"known_networks": ["0.0.0.0/0"]}, "has a network of everybody"),
    "travellers": ({"weights": {"new_country": 50}}, "on a known device, place and time alone reach 42 points"),
}


@pytest.mark.parametrize(("risk", "message"), DOUBTFUL.values(), ids=list(DOUBTFUL))
def test_what_weakens_logins_is_named(tmp_path: Path, risk: dict[str, Any], message: str) -> None:
    (doubt,) = load_config(written(tmp_path, {**GOOD, "risk": risk}), environ={}).doubts

    assert message in str(doubt)


def test_its_files_belong_to_the_file_and_are_checked(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    path = written(
        tmp_path, {**GOOD, "risk": {"geoip": "city.mmdb", "anonymising_networks": ["exits.txt", "more.txt"]}}
    )
    risk = load_config(path, environ={}).config.risk
    (tmp_path / "exits.txt").write_text("203.0.113.7\n")

    refused = CliRunner().invoke(bastion, ["config", "check", "--config", str(path)])
    (tmp_path / "more.txt").write_text("")
    write_mmdb(tmp_path / "city.mmdb", {"203.0.113.0/24": city("DE", 52.5, 13.4)})
    passed = CliRunner().invoke(bastion, ["config", "check", "--config", str(path)])

    assert risk.geoip == tmp_path / "city.mmdb"
    assert risk.anonymising_networks == (tmp_path / "exits.txt", tmp_path / "more.txt")
    assert refused.exit_code == 1
    assert f"`risk.geoip`: {tmp_path / 'city.mmdb'} can't be read" in refused.output
    assert f"`risk.anonymising_networks`: {tmp_path / 'more.txt'} can't be read" in refused.output
    assert passed.exit_code == 0, passed.output
