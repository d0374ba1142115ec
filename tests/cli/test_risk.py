"""`bastion risk explain`: an operator sees what a login would score, and why."""

import json

import pytest

from tests.cli.conftest import Bastion
from tests.mmdb import city, write_mmdb


@pytest.fixture
async def here(bastion: Bastion) -> Bastion:
    ran = await bastion("user", "add", "ada", "--password-stdin", stdin="correct horse battery staple\n")
    assert ran.status == 0, ran.err
    return bastion


async def test_a_first_login_is_explained(here: Bastion) -> None:
    ran = await here("risk", "explain", "ada", "--ip", "198.51.100.4", "--at", "2026-01-31T03:00")

    assert ran.status == 0, ran.err
    assert ran.out.splitlines() == [
        "ada from 198.51.100.4 (country unknown) at 2026-01-31 03:00:00Z, new device: 20 of 100",
        "   20  first_login        the first login of the account",
        "Without a second factor: admitted, below risk.step_up_at (40)",
    ]
    assert (await here("audit", "list", "--kind", "login")).out == ""


async def test_scripts_get_it_as_json(here: Bastion) -> None:
    geoip = write_mmdb(here.directory / "city.mmdb", {"198.51.100.0/24": city("PT", 38.72, -9.14)})

    ran = await here(
        *("risk", "explain", "ada", "--ip", "::ffff:198.51.100.4", "--at", "2026-01-31T03:00Z", "--json"),
        BASTION_RISK_GEOIP=str(geoip),
        BASTION_RISK_WEIGHTS="first_login=71",
    )

    assert json.loads(ran.out) == {
        "score": 71,
        "follows": "blocked",
        "at": 1769828400,
        "address": "198.51.100.4",
        "country": "PT",
        "device": "new",
        "reasons": [{"factor": "first_login", "points": 71, "words": "the first login of the account"}],
    }


@pytest.mark.parametrize(
    ("points", "without", "says"),
    [
        ("39", "mail", "admitted, below risk.step_up_at (40)"),
        ("40", "mail", "refused until an operator helps, because mail is off"),
        ("40", "refuse", "refused until an operator helps, because risk.without_factor is refuse"),
        ("69", "admit", "admitted, because risk.without_factor is admit"),
        ("70", "admit", "blocked, from risk.block_at (70) on"),
    ],
)
async def test_it_says_what_follows(here: Bastion, points: str, without: str, says: str) -> None:
    settings = {"BASTION_RISK_WEIGHTS": f"first_login={points}", "BASTION_RISK_WITHOUT_FACTOR": without}

    ran = await here("risk", "explain", "ada", "--ip", "198.51.100.4", **settings)

    assert ran.out.splitlines()[-1] == f"Without a second factor: {says}"


async def test_it_says_that_a_code_is_mailed(here: Bastion) -> None:
    mail = {"BASTION_MAIL_SMTP": "smtp.example.com:587", "BASTION_MAIL_FROM": "auth@example.com"}

    ran = await here("risk", "explain", "ada", "--ip", "198.51.100.4", BASTION_RISK_WEIGHTS="first_login=40", **mail)

    assert ran.out.splitlines()[-1].endswith("asked for a mailed code, from risk.step_up_at (40) on")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("bob", "--ip", "198.51.100.4"), "no person has the user name or e-mail 'bob'"),
        (("ada", "--ip", "home"), "--ip 'home' is no IP address"),
        (("ada", "--ip", "198.51.100.4", "--at", "noon"), "--at 'noon' is no time; write one such as 2026-01-31T08:00"),
        (("ada",), "Missing option '--ip'"),
    ],
)
async def test_what_is_wrong_is_said(here: Bastion, arguments: tuple[str, ...], says: str) -> None:
    ran = await here("risk", "explain", *arguments)

    assert ran.status != 0
    assert says in ran.err
