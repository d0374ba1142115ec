"""`bastion policy` as an operator types it."""

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.policy import policy
from gateway.core.assurance.model import by_password
from gateway.core.base64url import b64
from gateway.core.privacy.sealing import MasterKeys
from gateway.core.session.tokens import LOGIN_BYTES
from gateway.stores.postgres.logins import Logins, NewLogin
from gateway.stores.postgres.vault import Vault
from tests.cli.conftest import Bastion
from tests.conftest import Pool, RandomBytes

PLACE = ["--auth-url", "https://auth.example.com"]
GOOD = """
apps:
  wiki:
    hosts: wiki.example.com
    allow: {groups: staff}
    deny: {networks: 203.0.113.0/24}
tests:
  - {request: "GET https://wiki.example.com/", expect: login}
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "wiki.yaml").write_text(GOOD)
    return tmp_path


TOKENS = """\
define: {scopes: {read: Read your notes}}
clients:
  notes: {name: Notes, type: spa, redirect_uris: https://n.example/cb, scopes: read}
  batch: {name: Batch, type: service, secret: {env: BATCH}, scopes: read}
apps:
  notes: {hosts: notes.example.com, credentials: bearer, allow: {scopes: read}}
"""


def run(directory: Path, *arguments: str) -> Result:
    return CliRunner().invoke(policy, [*arguments, "--directory", str(directory), *PLACE])


def test_a_good_policy_is_fine(directory: Path) -> None:
    found = run(directory, "check")

    assert found.exit_code == 0
    assert "1 routes on 1 hosts, 0 warnings" in found.output


def test_what_is_hardly_meant_is_warned_of_and_fails_where_that_is_asked_for(directory: Path) -> None:
    (directory / "wiki.yaml").write_text(GOOD.replace("tests:", "    routes: {a: {paths: /a, allow: anyone}}\ntests:"))

    warned, strict = run(directory, "check"), run(directory, "check", "--strict")

    assert (warned.exit_code, strict.exit_code) == (0, 1)
    assert warned.stderr.startswith(
        "wiki.yaml:7:14: warning: wiki/a (/a) is inside wiki/rest (/**), wiki.yaml:3:3, and"
    )
    assert warned.stdout.endswith(", 1 warnings\n")
    assert (warned.stdout, warned.stderr) == (strict.stdout, strict.stderr)


def test_nothing_to_warn_of_passes_strictly(directory: Path) -> None:
    assert run(directory, "check", "--strict").exit_code == 0


def test_every_mistake_is_said_with_its_place(directory: Path) -> None:
    (directory / "wiki.yaml").write_text(GOOD.replace("allow", "alow").replace("deny", "denny"))

    found = run(directory, "check")

    assert found.exit_code == 1
    assert "wiki.yaml:5:5" in str(found.exception)
    assert "wiki.yaml:6:5" in str(found.exception)
    assert "did you mean" in str(found.exception)


def test_tests_are_run_and_counted(directory: Path) -> None:
    passed = run(directory, "test")
    (directory / "wiki.yaml").write_text(GOOD.replace("expect: login", "expect: allow"))
    failed = run(directory, "test")

    assert (passed.exit_code, passed.output.strip()) == (0, "1 tests, 0 failures")
    assert failed.exit_code == 1
    assert "wiki.yaml:8" in failed.output


def test_it_says_why(directory: Path) -> None:
    allowed = run(directory, "explain", "https://wiki.example.com/x", "--user", "ada", "--group", "staff")
    outside = run(directory, "explain", "https://wiki.example.com/x", "--from", "203.0.113.9")

    assert allowed.exit_code == 0
    assert "wiki/rest" in allowed.output
    assert "allow" in allowed.output
    assert "deny" in outside.output


def test_it_says_what_a_token_may(directory: Path) -> None:
    (directory / "tokens.yaml").write_text(TOKENS)
    by = ("explain", "https://notes.example.com/", "--credential", "bearer", "--scope", "read")

    person = run(directory, *by, "--client", "notes", "--user", "ada")
    service = run(directory, *by, "--client", "batch")

    assert "person   ada   groups -   logged in 1m ago, no second factor   bearer of client notes" in person.output
    assert "person   client:batch" in service.output
    assert "leg 1: scopes read: yes   -> allow" in service.output


def test_it_says_what_methods_and_a_score_do(directory: Path) -> None:
    (directory / "wiki.yaml").write_text(GOOD.replace("tests:", "    require: {amr: [hwk], risk_below: 40}\ntests:"))
    ada = (
        "explain",
        "https://wiki.example.com/x",
        "--user",
        "ada",
        "--group",
        "staff",
        "--mfa",
        "1m",
        "--from",
        "192.0.2.7",
    )

    allowed = run(directory, *ada, "--amr", "hwk", "--amr", "user", "--risk", "39")
    risky = run(directory, *ada, "--amr", "hwk", "--risk", "40")
    by_app = run(directory, *ada, "--risk", "0")

    assert "by hwk user mfa, risk 39 of 100" in allowed.output
    assert "answer   allow 200" in allowed.output
    assert "answer   deny 403   the risk score of the login is too high, or not known" in risky.output
    assert "answer   step_up 302   amr hwk" in by_app.output


async def test_it_explains_a_live_login(bastion: Bastion, pool: Pool, random_bytes: RandomBytes) -> None:
    """By what it proved, its score, its groups and its address, without anybody typing them."""
    directory = bastion.directory / "policies"
    directory.mkdir()
    (directory / "wiki.yaml").write_text(GOOD.replace("tests:", "    require: {risk_below: 40}\ntests:"))
    newcomer = ("--group", "staff", "--password-stdin")
    assert (await bastion("user", "add", "ada", *newcomer, stdin="nine wrong old socks")).status == 0
    vault, now = Vault(MasterKeys([bytes(range(32))]), b"", random_bytes), int(time.time())
    async with pool.acquire() as connection, connection.transaction():
        user_id, logins = await connection.fetchval("SELECT id FROM users"), Logins(connection, vault)
        for letter, risk, address in ((b"a", 10, "198.51.100.7"), (b"b", 60, "198.51.100.7"), (b"c", 0, "203.0.113.9")):
            login_id = letter * LOGIN_BYTES
            assert await logins.create(NewLogin(login_id, user_id, now, False, 1800, now + 600, address, "browser"))
            assert await logins.add_session(login_id, "x.example", letter * 16, by_password(now, risk), now)

    async def explained(letter: bytes, *more: str) -> str:
        of_login = ("--user", "ada", "--login", b64(letter * LOGIN_BYTES))
        return (await bastion("policy", "explain", "https://wiki.example.com/", *of_login, *more)).out

    assert "answer   allow 200   as ada" in await explained(b"a")
    assert "by pwd, risk 60 of 100\n" in await explained(b"b")
    assert "answer   deny 403   the risk score of the login is too high" in await explained(b"b")
    assert "answer   deny 403   a rule forbids it" in await explained(b"c")
    assert "answer   allow 200   as ada" in await explained(b"c", "--from", "198.51.100.7")
    unknown = await bastion(
        "policy", "explain", "https://wiki.example.com/", "--user", "ada", "--login", b64(b"x" * LOGIN_BYTES)
    )
    assert (unknown.status, "`bastion user sessions ada` lists them" in unknown.err) == (1, True)


@pytest.mark.parametrize(
    "bad",
    [
        ["explain", "wiki"],
        ["explain", "https://x/", "--header", "x"],
        ["explain", "https://x/", "--credential", "dpop"],
        ["explain", "https://x/", "--client", "notes"],
        ["explain", "https://x/", "--scope", "read", "--user", "ada"],
        ["explain", "https://x/", "--credential", "cookie"],
        ["explain", "https://x/", "--user", "ada", "--amr", "hkw"],
        ["explain", "https://x/", "--user", "ada", "--risk", "101"],
        ["explain", "https://x/", "--user", "ada", "--login", "!"],
        ["explain", "https://x/", "--login", "bWFkZSB1cCBsb2dpbiAhIQ"],
        ["explain", "https://x/", "--user", "ada", "--login", "bWFkZSB1cCBsb2dpbiAhIQ"],  # no configuration
    ],
)
def test_bad_options_are_told(directory: Path, bad: list[str]) -> None:
    assert run(directory, *bad).exit_code == 2


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    found = run(tmp_path / "nowhere", "check")

    assert found.exit_code == 1
    assert "nowhere" in str(found.exception)


def test_the_schema_is_json_and_the_reference_is_kept() -> None:
    schema = json.loads(CliRunner().invoke(policy, ["schema"]).output)
    reference = CliRunner().invoke(policy, ["reference"]).output

    assert "apps" in schema["properties"]
    assert Path("docs/policy-reference.md").read_text() == reference


@pytest.mark.parametrize("name", ["team/wiki.yaml", "a/b/c/d/wiki.yml", "WIKI.YAML", "x.d/Wiki.Yml"])
def test_a_file_that_is_not_read_is_named_also_where_policy_is_refused(directory: Path, name: str) -> None:
    (directory / name).parent.mkdir(parents=True, exist_ok=True)
    (directory / name).write_text("define: {networks: {office: 192.0.2.0/24}}")

    warned, strict = run(directory, "check"), run(directory, "check", "--strict")
    (directory / "wiki.yaml").write_text(GOOD.replace("203.0.113.0/24", "office"))
    refused = run(directory, "check")
    (directory / name).rename(directory / "networks.yaml")
    moved = run(directory, "check", "--strict")

    assert warned.stderr.startswith(f"{name}:1:1: warning: is not read, only *.yaml in the policy directory itself is;")
    assert (warned.exit_code, strict.exit_code, refused.exit_code, moved.exit_code) == (0, 1, 1, 0)
    assert warned.stdout.endswith(", 1 warnings\n")
    assert refused.stderr == warned.stderr
    assert moved.stderr == ""


@pytest.mark.parametrize(
    "name", ["..data/wiki.yaml", ".git/wiki.yaml", ".wiki.yaml.swp", "docs/schema.json", "a/.w.yaml"]
)
def test_hidden_and_other_files_are_not_named(directory: Path, name: str) -> None:
    (directory / name).parent.mkdir(exist_ok=True)
    (directory / name).write_text("x")
    (directory / "back").symlink_to(directory / "docs")
    (directory / "docs").mkdir(exist_ok=True)
    (directory / "docs" / "up").symlink_to(directory / "docs")

    assert run(directory, "check", "--strict").stderr == ""


def test_a_second_factor_is_no_mistake(directory: Path) -> None:
    (directory / "wiki.yaml").write_text(GOOD.replace("tests:", "    require: {mfa: true}\ntests:"))

    strict = run(directory, "check", "--strict")

    assert (strict.exit_code, strict.stderr) == (0, "")


def test_people_are_those_of_a_configuration(directory: Path) -> None:
    found = run(directory, "check", "--people")

    assert found.exit_code == 2
    assert "--people needs a configuration; leave out --auth-url" in found.output


async def test_secrets_of_clients_are_read_where_there_is_a_configuration(bastion: Bastion) -> None:
    directory = bastion.directory / "policies"
    directory.mkdir()
    (directory / "tokens.yaml").write_text(TOKENS)

    refused = await bastion("policy", "check")
    read = await bastion("policy", "check", BATCH="k" * 32)

    assert (refused.status, read.status) == (1, 0)
    assert "tokens.yaml:4:53: the secret of env BATCH is not there; expected the variable to be set" in refused.err
    assert run(directory, "check").exit_code == 0


async def test_a_group_that_no_person_has_is_warned_of(bastion: Bastion) -> None:
    (bastion.directory / "policies").mkdir()
    (bastion.directory / "policies" / "wiki.yaml").write_text(GOOD)
    await bastion("user", "add", "ada", "--group", "staf", "--password-stdin", stdin="correct horse battery\n")

    warned = await bastion("policy", "check", "--people")
    await bastion("user", "groups", "ada", "--set", "staff")
    mended = await bastion("policy", "check", "--people", "--strict")

    assert warned.err == (
        "wiki.yaml:5:12: warning: no person has the group `staff`; did you mean `staf`? [no-person]\n"
    ), warned
    assert (mended.status, mended.err) == (0, "")
