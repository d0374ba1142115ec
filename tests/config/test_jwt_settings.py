"""The section `jwt`: what it says by default, and what of it is doubtful or secret."""

from pathlib import Path

import pytest

from gateway.config import load_config
from gateway.config.describe import settings_lines
from tests.config.test_load import GOOD, problems, written


def test_by_default_tokens_are_short_lived_and_keys_lie_beside_the_data(tmp_path: Path) -> None:
    jwt = load_config(written(tmp_path, GOOD), environ={}).config.jwt

    assert (jwt.algorithm, jwt.access_ttl, jwt.rotate_every) == ("ES256", 900, 90 * 86_400)
    assert jwt.keys_dir is None


def test_a_directory_of_keys_belongs_to_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, {**GOOD, "jwt": {"keys_dir": "keys"}})

    assert load_config(path, environ={}).config.jwt.keys_dir == tmp_path / "keys"


@pytest.mark.parametrize(("ttl", "doubted"), [("15m", False), ("901s", True), ("60m", True)])
def test_a_long_life_is_doubted(tmp_path: Path, ttl: str, doubted: bool) -> None:
    loaded = load_config(written(tmp_path, {**GOOD, "jwt": {"access_ttl": ttl}}), environ={})

    assert [one.message for one in loaded.doubts if "`jwt.access_ttl` is longer than 15m" in one.message] == [
        one.message for one in loaded.doubts
    ]
    assert bool(loaded.doubts) is doubted


@pytest.mark.parametrize(("passphrase", "accepted"), [("p" * 15, False), ("p" * 16, True)])
def test_a_passphrase_has_a_length_and_is_not_shown(tmp_path: Path, passphrase: str, accepted: bool) -> None:
    path = written(tmp_path, {**GOOD, "jwt": {"keys_passphrase": passphrase}})

    if accepted:
        config = load_config(path, environ={}).config
        assert passphrase not in repr(config) + "".join(settings_lines(config))
    else:
        (problem,) = problems(path)
        assert "`jwt.keys_passphrase` is of the wrong form (not shown)" in problem


def test_the_variable_by_its_old_name_is_refused_with_the_new_one(tmp_path: Path) -> None:
    (problem,) = problems(written(tmp_path, GOOD), {"BASTION_TOKENS_ALGORITHM": "ES256"})

    assert problem == "BASTION_TOKENS_ALGORITHM: is no setting; did you mean BASTION_JWT_ALGORITHM?"
