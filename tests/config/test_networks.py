"""Networks that have logins of their own."""

import json
from ipaddress import ip_address
from pathlib import Path

import pytest
import yaml

from gateway.config import load_config
from gateway.config.describe import settings_lines
from gateway.core.ratelimit.gcra import Limit, Per
from tests.config.test_load import GOOD, INDEX, ROOT_KEY, problems, written

HOSPITAL = {"addresses": ["203.0.113.0/24", "2001:db8::/48"], "rate": "600/min", "burst": 300}


def test_a_network_has_logins_of_its_own(tmp_path: Path) -> None:
    limit = {"rate": "20/min", "per": "ip", "networks": {"hospital": HOSPITAL}}

    limits = load_config(written(tmp_path, {**GOOD, "limits": {"AUTH.LOGIN": limit}}), environ={}).config.login_limits()

    inside = limits.shared_bucket(ip_address("203.0.113.7"))
    assert inside == limits.shared_bucket(ip_address("2001:db8::1"))
    assert inside.limit == Limit("AUTH.LOGIN", 600, 60_000_000, 300, Per.IP)
    assert limits.shared_bucket(ip_address("203.0.114.7")).limit == Limit("AUTH.LOGIN", 20, 60_000_000, 20, Per.IP)


def test_mistakes_in_networks_have_places_and_hints(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "limits:\n"
        "  AUTH.LOGIN:\n"
        "    rate: 10/min\n"
        "    networks:\n"
        "      hospital: {adresses: [203.0.113.0/24], rate: 600/min}\n"
        "      clinic: {addresses: [203.0.113.1/24, 192.0.2.1], rate: 600}\n"
        "      school: {addresses: [], rate: 1/min, burst: 0}\n"
        "      The Ward: {addresses: [192.0.2.1], rate: 1/min}\n"
        "      office: 192.0.2.1\n"
        "      campus: {addresses: [192.0.2.0/33, campus], rate: 1/min}\n"
        "  GENERAL.EXECUTE: {rate: 600/min, network: {}}\n",
    )

    assert problems(path) == [
        (
            "5:7: `limits.AUTH.LOGIN.networks.hospital.addresses` is missing; "
            "expected a list of addresses or CIDRs, at least one"
        ),
        (
            "5:18: `limits.AUTH.LOGIN.networks.hospital.adresses` is no key; expected addresses, rate, burst; "
            "did you mean `addresses`?"
        ),
        (
            "6:28: `limits.AUTH.LOGIN.networks.clinic.addresses.0` is `203.0.113.1/24`; "
            "expected addresses or CIDRs; did you mean `203.0.113.0/24`?"
        ),
        "6:62: `limits.AUTH.LOGIN.networks.clinic.rate` is `600`; expected a rate such as 600/min (s, min, h, d)",
        (
            "7:16: `limits.AUTH.LOGIN.networks.school.addresses` is `[]`; "
            "expected a list of addresses or CIDRs, at least one"
        ),
        "7:51: `limits.AUTH.LOGIN.networks.school.burst` is `0`; expected a whole number from 1 to 10000000",
        (
            "8:7: `limits.AUTH.LOGIN.networks.The Ward` is `The Ward`; "
            "expected a map of names such as hospital to networks"
        ),
        "9:15: `limits.AUTH.LOGIN.networks.office` is `192.0.2.1`; expected a map of keys: addresses, rate, burst",
        ("10:28: `limits.AUTH.LOGIN.networks.campus.addresses.0` is `192.0.2.0/33`; expected addresses or CIDRs"),
        ("10:42: `limits.AUTH.LOGIN.networks.campus.addresses.1` is `campus`; expected addresses or CIDRs"),
        (
            "11:36: `limits.GENERAL.EXECUTE.network` is no key; "
            "expected rate, burst, per, on_store_failure, networks; did you mean `networks`?"
        ),
    ]


def test_networks_that_contradict_each_other_or_their_limit_are_refused(tmp_path: Path) -> None:
    document = yaml.safe_dump(GOOD) + (
        "limits:\n"
        "  AUTH.LOGIN:\n"
        "    rate: 10/min\n"
        "    networks:\n"
        "      hospital: {addresses: [203.0.113.0/24], rate: 600/min}\n"
        "      clinic: {addresses: ['::ffff:203.0.113.0/120', 203.0.0.0/16], rate: 600/min}\n"
        "  GENERAL.EXECUTE: {rate: 600/min, networks: {office: {addresses: [192.0.2.1], rate: 1/s}}}\n"
    )
    path = written(tmp_path, document)
    above = document[: document.index("limits:")].count("\n")

    assert problems(path) == [
        (
            f"{above + 6}:7: `limits.AUTH.LOGIN.networks.clinic` has 203.0.113.0/24, which is also in hospital; "
            "expected it in one of them"
        ),
        (f"{above + 7}:36: `limits.GENERAL.EXECUTE.networks` works only for AUTH.LOGIN; expected none here"),
    ]


@pytest.mark.parametrize("per", ["principal", "everyone", "email"])
def test_logins_are_not_counted_but_by_address(tmp_path: Path, per: str) -> None:
    path = written(tmp_path, {**GOOD, "limits": {"AUTH.LOGIN": {"rate": "20/min", "per": per}}})

    (problem,) = problems(path)

    assert problem.endswith("`limits.AUTH.LOGIN.per` must be by address, because nobody has logged in yet; expected ip")


@pytest.mark.parametrize("limit", [{"rate": "20/min"}, {"rate": "20/min", "per": "caller"}])
def test_the_caller_of_a_login_is_an_address(tmp_path: Path, limit: dict[str, str]) -> None:
    limits = load_config(written(tmp_path, {**GOOD, "limits": {"AUTH.LOGIN": limit}}), environ={}).config.login_limits()

    one, other = (limits.shared_bucket(ip_address(address)) for address in ("203.0.113.7", "203.0.113.8"))

    assert one.limit.count == 20
    assert one.slot != other.slot


def test_the_root_key_says_whose_bucket_it_is(tmp_path: Path) -> None:
    swapped = {"root_key": INDEX, "index_key": ROOT_KEY}
    other = {**GOOD, "secrets": {**GOOD["secrets"], **swapped}}
    keyed = (load_config(written(tmp_path, document), environ={}).config for document in (GOOD, other))

    one, another = (config.login_limits().shared_bucket(ip_address("203.0.113.7")) for config in keyed)

    assert one.slot != another.slot


@pytest.mark.parametrize("everybody", ["0.0.0.0/0", "'::/0'", "'::ffff:0:0/96'"])
def test_everybody_is_no_network(tmp_path: Path, everybody: str) -> None:
    limit = (
        f"limits: {{AUTH.LOGIN: {{rate: 10/min, networks: {{all: {{addresses: [{everybody}], rate: 600/min}}}}}}}}\n"
    )

    (problem,) = problems(written(tmp_path, yaml.safe_dump(GOOD) + limit))

    assert "`limits.AUTH.LOGIN.networks.all` has" in problem
    assert problem.endswith("which is everybody: one guesser could spend it all; expected a smaller one")


def test_the_audit_log_shows_settings_as_a_file_could_have_them(tmp_path: Path) -> None:
    document = yaml.safe_dump({**GOOD, "server": {"decision_peers": ["192.0.2.0/24"]}}) + (
        "limits: {AUTH.LOGIN: {rate: 10/min, networks: {office: {addresses: [192.0.2.1], rate: 1/s}}}}\n"
    )

    lines = settings_lines(load_config(written(tmp_path, document), environ={}).config)

    assert 'server.decision_peers: ["192.0.2.0/24"]' in lines
    (limit,) = [line for line in lines if line.startswith("limits.AUTH.LOGIN: ")]
    assert json.loads(limit.partition(": ")[2])["networks"]["office"]["addresses"] == ["192.0.2.1/32"]
    assert not any("Network(" in line or "None" in line or "True" in line for line in lines)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("AUTH.LOGN", "AUTH.LOGIN"),
        ("auth.login", "AUTH.LOGIN"),
        ("GENERAL.SESSIONS", "GENERAL.SESSION"),
        ("GENERAL.EXECUTION", "GENERAL.EXECUTE"),
        ("LOGIN.X", ""),
    ],
)
@pytest.mark.parametrize("limit", [{"rate": "20/min"}, "20/min"])
def test_a_limit_that_nothing_spends_is_refused_with_what_was_meant(
    tmp_path: Path, name: str, meant: str, limit: object
) -> None:
    found = problems(written(tmp_path, {"limits": {name: limit}}), dev=True)

    hint = f"; did you mean `{meant}`?" if meant else ""
    assert found[0] == (
        f"2:3: `limits.{name}` is no key; expected GENERAL.EXECUTE, GENERAL.SESSION, GENERAL.STRANGER, AUTH.LOGIN, "
        f"AUTH.KEY, AUTH.FACTOR, PASSWORD.CHANGE, CONSENT.ANSWER, ADMIN.ACT, ADMIN.ROLE, AUTH.FORGOT_PASSWORD, "
        f"AUTH.LINK, OAUTH.TOKEN, OAUTH.CLIENT_FAILED, OAUTH.PAR, "
        f"OAUTH.PAR_PUBLIC{hint}"
    )


@pytest.mark.parametrize(
    ("name", "per", "expected"),
    [
        ("OAUTH.TOKEN", "ip", "caller"),
        ("OAUTH.TOKEN", "everyone", "caller"),
        ("OAUTH.CLIENT_FAILED", "principal", "ip"),
        ("OAUTH.CLIENT_FAILED", "everyone", "ip"),
        ("OAUTH.PAR", "ip", "caller"),
        ("OAUTH.PAR_PUBLIC", "principal", "ip"),
    ],
)
def test_whom_the_limits_of_clients_count_is_not_changed(tmp_path: Path, name: str, per: str, expected: str) -> None:
    (problem,) = problems(written(tmp_path, {**GOOD, "limits": {name: {"rate": "20/min", "per": per}}}))

    assert f"`limits.{name}.per`" in problem
    assert problem.endswith(f"expected {expected}")


@pytest.mark.parametrize("per", ["principal", "email"])
def test_who_has_no_session_is_counted_by_address_or_with_everyone(tmp_path: Path, per: str) -> None:
    (problem,) = problems(written(tmp_path, {**GOOD, "limits": {"GENERAL.STRANGER": {"rate": "20/min", "per": per}}}))

    assert problem.endswith(
        "`limits.GENERAL.STRANGER.per` must be by address or for everyone, because these clients are anonymous; "
        "expected ip or everyone"
    )


@pytest.mark.parametrize("per", ["ip", "caller", "everyone"])
def test_the_usual_limits_may_be_counted_otherwise(tmp_path: Path, per: str) -> None:
    given = {name: {"rate": "20/min", "per": per} for name in ("GENERAL.SESSION", "GENERAL.STRANGER")}

    limits = load_config(written(tmp_path, {**GOOD, "limits": given}), environ={}).config.all_limits()

    assert {limits[name].per for name in given} == {Per(per)}
