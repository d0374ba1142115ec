"""Published terms stand before the next app, by whatever way somebody comes to it, and leave open what is open."""

import json
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.conftest import run_apart
from tests.journeys.apps import address, answered, decide, sign_in
from tests.journeys.documents import TEXT, answer, bastion, published
from tests.staging import Stage
from tests.zygote import bastion as run


@pytest.fixture
def version(stage: Stage, tmp_path: Path) -> Iterator[str]:
    with published(stage, tmp_path) as version:
        yield version


def test_terms_stand_before_each_further_host_and_no_session_that_lives(stage: Stage, tmp_path: Path) -> None:
    visitor = stage.signed_in()
    with published(stage, tmp_path) as version:
        assert visitor.visit(stage.app + "/").url == stage.app + "/", "its session lives"
        page = visitor.visit(stage.app2 + "/x")
        assert page.url.startswith(f"{stage.auth}/documents?j=")
        assert "Do not &lt;b&gt;shout&lt;/b&gt;." in page.text
        declined = answer(visitor, page, "decline")
        assert "You declined." in declined.text
        again = visitor.visit(stage.app2 + "/x")
        assert again.url.startswith(f"{stage.auth}/documents?j=")
        assert visitor.visit(f"{stage.auth}/account/privacy").status == 200
        assert answer(visitor, again, "accept").url == stage.app2 + "/x"
    found = json.loads(bastion(stage, "audit", "list", "--kind", "document_accepted", "--json"))
    assert found[-1]["detail"]["version"] == version


def test_they_stand_before_the_app_of_a_new_login(stage: Stage, version: str) -> None:
    visitor = stage.visitor()

    page = stage.log_in(visitor)

    assert page.url.startswith(f"{stage.auth}/documents?j=")
    assert version in page.text
    assert answer(visitor, page, "accept").url == stage.app + "/"


def test_they_stand_before_an_app_that_asks_for_a_code(stage: Stage, version: str) -> None:
    visitor = stage.visitor()
    page = sign_in(stage, visitor, visitor.visit(address(stage, prompt="consent")))
    assert page.url.startswith(f"{stage.auth}/documents?i=")

    silent = answered(stage, visitor.visit(address(stage, prompt="none")))
    consent = answer(visitor, page, "accept")

    assert silent["error"] == "interaction_required"
    assert "code" in answered(stage, decide(visitor, consent, "allow"))
    assert version


def test_what_has_to_be_accepted_can_not_be_put_off(stage: Stage, version: str) -> None:
    visitor = stage.visitor()
    page = stage.log_in(visitor)

    later = answer(visitor, page, "later")

    assert later.url.startswith(f"{stage.auth}/documents?j=")
    assert 'value="later"' not in page.text
    assert version


def test_a_withdrawal_closes_the_next_app_and_the_twenty_first_answer_of_an_hour_is_told_to_wait(
    stage: Stage, version: str
) -> None:
    """An acceptance and a withdrawal are two."""
    visitor = stage.visitor()
    answer(visitor, stage.log_in(visitor), "accept")
    page = visitor.visit(f"{stage.auth}/account/privacy")

    fields = {name: page.field(name) for name in ("csrf", "kind", "version", "language", "back")}
    visitor.submit(page, "/documents", answer="withdraw", **fields)

    assert fields["version"] == version
    assert visitor.visit(stage.app2 + "/").url.startswith(f"{stage.auth}/documents")
    assert visitor.visit(stage.app + "/").url == stage.app + "/"
    answers = [visitor.submit(page, "/documents", answer="withdraw", **fields) for _ in range(19)]
    assert [seen.status for seen in answers] == [200] * 18 + [429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 180
    assert "That was too often" in answers[-1].text
    assert "Try again in 3 minutes." in answers[-1].text


@pytest.mark.parametrize(
    "statement",
    ["UPDATE {0} SET version = 'x'", "DELETE FROM {0}", "TRUNCATE {0}", "ALTER TABLE {0} DISABLE TRIGGER ALL"],
)
@pytest.mark.parametrize("table", ["consent_documents", "consent_retired", "consent_records"])
def test_the_serving_role_can_change_nothing_of_it(stage: Stage, statement: str, table: str) -> None:
    async def tamper() -> None:
        connection = await asyncpg.connect(str(stage.summary["database_url"]))
        try:
            await connection.execute(statement.format(table))
        finally:
            await connection.close()

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        run_apart(tamper())


def test_a_published_text_never_changes(stage: Stage, version: str, tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("Other words.")
    done = run("consent", "publish", "terms", "--version", version, "--language", f"en={tmp_path}/other.txt",
               "--config", stage.demo.directory / "config.yaml", env=stage.demo.environment)  # fmt: skip

    assert done.returncode == 1
    assert "published texts never change" in done.stderr
    assert bastion(stage, "consent", "show", "terms", version) == TEXT
    assert f"terms    {version}" in bastion(stage, "consent", "status")
