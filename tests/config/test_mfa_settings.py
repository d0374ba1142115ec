"""Which domains passkeys may belong to."""

from pathlib import Path

import pytest

from gateway.config import load_config
from tests.config.test_load import GOOD, problems, written

HOST = "https://auth.shop.example.co.uk"


def test_passkeys_belong_to_the_auth_host(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, {**GOOD, "public_url": HOST}), environ={}).config

    party = config.relying_party()

    assert (party.id, party.origin, party.name) == ("auth.shop.example.co.uk", HOST, config.pages.name)


@pytest.mark.parametrize(
    "rp_id", ["co.uk", "uk", "other.example.co.uk", "hop.example.co.uk", "www.auth.shop.example.co.uk"]
)
def test_a_domain_that_is_not_ours_is_refused(tmp_path: Path, rp_id: str) -> None:
    (problem,) = problems(written(tmp_path, {**GOOD, "public_url": HOST, "mfa": {"rp_id": rp_id}}))

    assert "`mfa.rp_id`" in problem
    assert "auth.shop.example.co.uk or a domain" in problem


@pytest.mark.parametrize("rp_id", ["Example.co.uk", "https://auth.shop.example.co.uk", "example.co.uk.", "*.example"])
def test_what_is_no_domain_is_refused(tmp_path: Path, rp_id: str) -> None:
    (problem,) = problems(written(tmp_path, {**GOOD, "public_url": HOST, "mfa": {"rp_id": rp_id}}))

    assert "expected the auth host or a domain above it" in problem


@pytest.mark.parametrize("rp_id", ["example.co.uk", "shop.example.co.uk"])
def test_a_domain_above_is_taken_and_warned_of(tmp_path: Path, rp_id: str) -> None:
    loaded = load_config(written(tmp_path, {**GOOD, "public_url": HOST, "mfa": {"rp_id": rp_id}}), environ={})

    assert loaded.config.relying_party().id == rp_id
    (warning,) = [str(one) for one in loaded.doubts if "mfa.rp_id" in str(one)]
    assert f"every host under {rp_id} can ask for these passkeys" in warning


def test_a_public_suffix_of_private_names_is_refused(tmp_path: Path) -> None:
    given = {**GOOD, "public_url": "https://auth.github.io", "mfa": {"rp_id": "github.io"}}

    (problem,) = problems(written(tmp_path, given))

    assert "everybody can register names under it" in problem
