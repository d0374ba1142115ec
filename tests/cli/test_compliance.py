"""`bastion compliance` and `bastion review` as an operator runs them."""

import json

from tests.cli.conftest import Bastion

POLICY = "apps: {wiki: {hosts: wiki.example.com, allow: {groups: staff}}}\n"


async def test_a_report_an_exception_and_a_population(bastion: Bastion) -> None:
    await bastion("user", "add", "ada", "--password-stdin", stdin="correct horse battery")

    excepted = await bastion("compliance", "except", "backup-age", "--until", "30d", "--reason", "a <b> store")
    unknown = await bastion("compliance", "except", "no-such", "--until", "30d", "--reason", "x")
    page = await bastion("compliance", "report", "--format", "html")
    data = json.loads((await bastion("compliance", "report", "--format", "json")).out)
    table = await bastion("compliance", "report")
    entries = (await bastion("compliance", "population", "changes", "--json")).out.splitlines()

    assert (excepted.status, unknown.status) == (0, 1)
    assert page.out.startswith("<!doctype html>")
    assert "a &lt;b&gt; store" in page.out
    assert {row["control"] for row in data["controls"]} >= {"backup-age", "mfa-coverage"}
    assert all(row["not_observed_s"] > 0 and row["pass_s"] == 0 for row in data["controls"])
    assert "backup-age is excepted from" in table.out
    assert "control_excepted" in {json.loads(line)["kind"] for line in entries}


async def test_a_review_from_start_to_finish(bastion: Bastion) -> None:
    (bastion.directory / "policies").mkdir(exist_ok=True)
    (bastion.directory / "policies" / "p.yaml").write_text(POLICY)
    for name in ("ada", "grace"):
        added = ("user", "add", name, "--group", "staff", "--password-stdin")
        assert (await bastion(*added, stdin="correct horse battery")).status == 0

    started = await bastion("review", "start")
    own = await bastion("review", "keep", "1", "ada", "--as", "ada")
    removed = await bastion("review", "remove", "1", "ada", "--as", "grace")
    kept = await bastion("review", "keep", "1", "grace", "--as", "ada")
    shown = json.loads((await bastion("review", "show", "1", "--json")).out)
    finished = await bastion("review", "finish", "1")

    assert started.out.startswith("Review 1 has 2 lines.")
    assert (own.status, removed.status, kept.status, finished.status) == (1, 0, 1, 1)
    assert [(one["username"], one["decision"], one["opens"]) for one in shown["lines"]] == [
        ("ada", "remove", ["wiki/rest"]),
        ("grace", None, ["wiki/rest"]),
    ]
    assert "1 lines of review 1 are still to be decided" in finished.err
