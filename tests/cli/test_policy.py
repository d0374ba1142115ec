"""`bastion policy` as an operator types it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.policy import policy
from tests.cli.conftest import Bastion

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


@pytest.mark.parametrize(
    "bad",
    [
        ["explain", "wiki"],
        ["explain", "https://x/", "--header", "x"],
        ["explain", "https://x/", "--credential", "dpop"],
        ["explain", "https://x/", "--client", "notes"],
        ["explain", "https://x/", "--scope", "read", "--user", "ada"],
        ["explain", "https://x/", "--credential", "cookie"],
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
