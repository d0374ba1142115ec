"""Why a person was refused, from the reference on their page to the condition, and the policy, in the console."""

import html
import re
import time
from collections.abc import Mapping

import pytest

from tests.journeys.test_console import Desk, entered
from tests.staging import Seen, Stage

WITHIN_S = 20


@pytest.fixture(scope="module")
def owner(running_stage: Stage) -> Desk:
    return entered(running_stage, "olivia")


@pytest.fixture(scope="module")
def helper(running_stage: Stage) -> Desk:
    return entered(running_stage, "sam")


def refused(stage: Stage) -> str:
    """The reference that ada has on her page."""
    page = stage.signed_in().visit(f"{stage.app}/admin/secret-plan?token=abcdef")
    assert page.status == 403, page.text
    reference = page.headers["X-Request-Id"]
    assert reference in page.text
    return reference


def found(desk: Desk, reference: str) -> str:
    """The path that Find leads to, once the second's batch is written."""
    until = time.monotonic() + WITHIN_S
    while (path := desk.find(reference)) == "/people/find" and time.monotonic() < until:
        time.sleep(0.2)
    return path


def words(page: Seen) -> str:
    """What a person reads."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page.text)).split())


def test_a_reference_leads_to_the_condition(stage: Stage, owner: Desk, helper: Desk) -> None:
    reference = refused(stage)
    path = found(owner, reference)
    assert path == f"/decisions/{reference}"

    text = words(owner.get(path))

    assert "Denied: not among those allowed here" in text
    assert "Today: the same" in text
    assert re.search(r"Route app/admin demo\.yaml:\d+", text)
    assert re.search(r"Let in by \S+.* demo\.yaml:\d+ deny no groups admins", text)
    assert "person ada" in text
    assert "/admin/secret-plan" in text
    assert "abcdef" not in text
    assert "/admin/policy/source/demo.yaml#L" in owner.get(path).text
    seen_by_helper = words(helper.get(found(helper, reference)))
    assert "no groups admins" in seen_by_helper
    assert "secret-plan" not in seen_by_helper
    assert "Your role does not see the path." in seen_by_helper

    person = owner.find("ada")
    owner.act(f"{person}/groups", groups="staff admins")
    assert "Today: allow 200" in words(owner.get(path))
    owner.act(f"{person}/groups", groups="staff")
    assert f"/admin{path}" in owner.get("/decisions").text
    assert re.search(r"app app/admin deny not among those allowed here \d+", words(owner.get("/decisions")))


def test_a_reference_that_was_not_kept_is_said(owner: Desk) -> None:
    page = owner.get("/decisions/00000000-0000-4000-8000-000000000000")

    assert page.status == 404
    assert "This reference was not kept" in page.text


def test_the_policy_is_shown_with_its_source_to_those_who_may(stage: Stage, owner: Desk, helper: Desk) -> None:
    page, source = owner.get("/policy"), owner.get("/policy/source/demo.yaml")
    text = words(page)

    assert re.search(r"/admin/\*\* all · app/admin · demo\.yaml:\d+ in groups admins", text)
    assert text.index("/admin/**") < text.index("/vault/**")
    assert "what strangers may see" in text
    assert "worker 1" in text
    line = re.search(r'source/demo\.yaml#(L\d+)"><code>demo\.yaml:\d+</code></a></div>\s*<div class="small"><span '
                     r'class="truth yes">in</span> <bdi>groups admins', page.text)  # fmt: skip
    assert line is not None
    assert f'<li id="{line[1]}"><code>      admin: ' in source.text
    refused_source = helper.get("/policy/source/demo.yaml")
    assert refused_source.status == 403
    assert "owner, admin or auditor may" in refused_source.text
    assert helper.get("/policy").status == 200
    assert "/admin/policy/source" not in helper.get("/policy").text
    assert owner.get("/policy/source/other.yaml").status == 404
    stranger = stage.signed_in()
    paths = ("/decisions", "/decisions/00000000-0000", "/policy", "/policy/try", "/policy/source/demo.yaml")
    assert {stranger.visit(f"{stage.auth}/admin{path}").status for path in paths} == {404}


def tried(desk: Desk, fields: Mapping[str, str]) -> Seen:
    page = desk.get("/policy/try")
    return desk.visitor.submit(page, "/admin/policy/try", csrf=page.field("csrf"), **fields)


def test_a_request_is_tried_and_nothing_is_sent(stage: Stage, owner: Desk, helper: Desk) -> None:
    hits, url = stage.hits(), "https://app.localhost/admin/x"

    assert "Answer: login 302" in words(tried(owner, {"url": url}))
    own_groups = tried(helper, {"url": url, "user": "ada", "authenticated": "5m"})
    assert "Answer: deny 403" in words(own_groups)
    assert "ada" not in own_groups.url
    assert "Answer: allow 200" in words(tried(owner, {"url": url, "user": "ada", "groups": "admins"}))
    vault = {"url": "https://app.localhost/vault/x", "user": "ada", "groups": "staff"}
    assert "Answer: step up 302" in words(tried(owner, vault)).replace("step_up", "step up")
    assert "Answer: allow 200" in words(tried(owner, {**vault, "mfa": "2m", "amr": "pwd otp", "risk": "10"}))
    assert "is no duration" in tried(owner, {**vault, "mfa": "soon"}).text
    assert "expected a URL" in tried(owner, {"url": "app"}).text
    assert stage.hits() == hits


def test_it_can_be_looked_at_by_everybody_with_a_role(owner: Desk, helper: Desk) -> None:
    for desk in (owner, helper):
        assert [desk.get(path).status for path in ("/decisions", "/policy", "/policy/try")] == [200, 200, 200]
