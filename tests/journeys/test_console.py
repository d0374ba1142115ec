"""The console of a whole gateway, through Caddy and without scripts, as an owner and a helper use it."""

import html
import json
import re
from copy import deepcopy
from dataclasses import dataclass
from functools import cache

import pytest
from redis import Redis as SyncRedis

from tests.second_factors import App
from tests.staging import NAVIGATION, Seen, Stage, Visitor
from tests.zygote import bastion as run

FORM = {**NAVIGATION, "Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Desk:
    """Somebody in the console."""

    stage: Stage
    visitor: Visitor

    def get(self, path: str) -> Seen:
        return self.visitor.visit(f"{self.stage.auth}/admin{path}")

    def find(self, who: str) -> str:
        """The path of a person."""
        page = self.get("/people")
        return self.visitor.submit(page, "/admin/people/find", csrf=page.field("csrf"), who=who).url.partition(
            "/admin"
        )[2]

    def act(self, path: str, **fields: str) -> Seen:
        """The page that confirms it, and its form."""
        page = self.get(path)
        assert page.status == 200, page.text
        return self.visitor.submit(page, f"/admin{path}", csrf=page.field("csrf"), reason="as asked", **fields)


@cache
def app_of(_name: str, secret: str) -> App:
    """One for all modules: each code is taken only once."""
    return App(secret)


def entered(stage: Stage, name: str) -> Desk:
    with SyncRedis.from_url(stage.valkey.url) as client:
        client.flushall()  # limits begin anew
    visitor, app = stage.visitor(), app_of(name, str(stage.summary["admin_totp_secret"]))
    page = visitor.log_in(visitor.visit(f"{stage.auth}/login"), name, str(stage.summary["admin_password"]))
    hidden = {field: page.field(field) for field in ("csrf", "j", "i", "for")}
    visitor.submit(page, "/login/verify", code=app.code(), **hidden)
    page = visitor.visit(f"{stage.auth}/admin")
    assert page.url == f"{stage.auth}/admin/enter", page.text
    page = visitor.submit(page, "/admin/enter", csrf=page.field("csrf"))
    assert (page.status, page.url) == (200, f"{stage.auth}/admin"), page.text
    return Desk(stage, visitor)


@pytest.fixture(scope="module")
def owner(running_stage: Stage) -> Desk:
    return entered(running_stage, "olivia")


@pytest.fixture(scope="module")
def helper(running_stage: Stage) -> Desk:
    return entered(running_stage, "sam")


def bastion(stage: Stage, *arguments: str, stdin: str = "") -> str:
    done = run(*arguments, "--config", stage.demo.directory / "config.yaml", env=stage.demo.environment, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def newest(stage: Stage, kind: str) -> dict[str, object]:
    found: list[dict[str, object]] = json.loads(bastion(stage, "audit", "list", "--kind", kind, "--json"))
    return found[-1]


def test_an_owner_ends_sessions_and_changes_a_limit(stage: Stage, owner: Desk) -> None:
    """The walking path: found by e-mail, ended with a reason, in force on both workers, and all of it in the log."""
    ada = stage.signed_in()
    person = owner.find("ADA@example.org")

    ended = owner.act(f"{person}/end-sessions")

    assert "The sessions have ended, on every node." in ended.text
    assert ada.visit(stage.app + "/").url.startswith(f"{stage.auth}/login")
    form = owner.get("/limits/AUTH.LOGIN")
    sent = {"csrf": form.field("csrf"), "seen": form.field("seen"), "rate": "20/min", "burst": "10", "hours": "1"}
    ask = owner.visitor.submit(form, "/admin/limits/AUTH.LOGIN", **sent, reason="training")
    assert "- 10/min burst 5" in ask.text
    assert "+ 20/min burst 10" in ask.text
    fields = {name: ask.field(name) for name in ("csrf", "rate", "burst", "hours", "reason", "back", "seen")}
    done = owner.visitor.submit(ask, "/admin/limits/AUTH.LOGIN/change", **fields)
    assert "In force on 2 of 2 workers." in done.text
    assert "20/min burst 10  (file: 10/min burst 5)  until " in bastion(stage, "settings", "get", "AUTH.LOGIN")
    late = owner.visitor.submit(ask, "/admin/limits/AUTH.LOGIN/change", **{**fields, "rate": "30/min"})
    assert (late.status, fields["seen"], int(late.field("seen")) > 0) == (409, "0", True)
    assert 'value="30/min"' in late.text
    assert "it is 20/min;burst=10 now, and you asked for 30/min;burst=10" in late.text, "another tab"
    assert "In force: 20/min burst 10." in late.text
    assert "20/min burst 10" in bastion(stage, "settings", "get", "AUTH.LOGIN")
    sessions, setting = newest(stage, "sessions_ended"), newest(stage, "setting_changed")
    assert (sessions["actor"], sessions["subject"]) == ("olivia", "ada")
    assert sessions["personal"] == {"reason": "as asked"}
    assert setting["actor"] == "olivia"
    assert setting["personal"] == {"reason": "training"}
    detail = setting["detail"]
    assert isinstance(detail, dict)
    assert (detail["before"], detail["after"]) == ("10/min;burst=5", "20/min;burst=10")
    assert "in force on 2 of 2 workers" in bastion(stage, "settings", "reset", "AUTH.LOGIN")
    bastion(stage, "audit", "verify")


def posted(desk: Desk, path: str, fields: dict[str, str], **headers: str) -> Seen:
    """headers: instead of those that a browser sends; "" leaves one out."""
    sent = {**FORM, "Origin": desk.stage.auth, **headers}
    body = "&".join(f"{name}={value}" for name, value in fields.items())
    return desk.visitor.send("POST", f"{desk.stage.auth}{path}", {k: v for k, v in sent.items() if v}, body)


def copied(desk: Desk) -> Desk:
    """Another browser with the same cookies."""
    other = desk.stage.visitor()
    other.jar = deepcopy(desk.visitor.jar)
    return Desk(desk.stage, other)


def test_an_act_needs_each_of_its_legs(stage: Stage, owner: Desk) -> None:
    """One is taken away at a time: nothing is done."""
    ada, person = stage.signed_in(), owner.find("ada")
    path, page = f"/admin{person}/end-sessions", owner.get(f"{person}/end-sessions")
    fields = {"csrf": page.field("csrf"), "reason": "test"}
    nobody, others = Desk(stage, stage.visitor()), Desk(stage, stage.visitor())
    stage.log_in(others.visitor)
    host = stage.auth.split("://")[1].split(":")[0]
    login = next(name for name in owner.visitor.jar[host] if name.endswith("login"))
    no_login = copied(owner)
    no_login.visitor.jar[host].pop(login)

    legs = {
        "signed in": posted(no_login, path, fields),
        "csrf cookie": posted(nobody, path, fields),
        "role": posted(others, path, {**fields, "csrf": others.visitor.visit(f"{stage.auth}/account").field("csrf")}),
        "csrf token": posted(owner, path, {"reason": "test"}),
        "Origin": posted(owner, path, fields, Origin=""),
        "own Origin": posted(owner, path, fields, Origin=stage.app),
        "Sec-Fetch-Site": posted(owner, path, fields, **{"Sec-Fetch-Site": "cross-site"}),
        "reason": posted(owner, path, {"csrf": fields["csrf"], "reason": ""}),
    }

    wanted = {"signed in": 303, "role": 404}
    assert {leg: seen.status for leg, seen in legs.items()} == {leg: wanted.get(leg, 403) for leg in legs}
    assert ada.visit(stage.app + "/").status == 200
    assert ada.visit(stage.app + "/").url == stage.app + "/"
    assert posted(owner, path, fields).status == 303
    assert ada.visit(stage.app + "/").url.startswith(f"{stage.auth}/login")


def test_a_helper_ends_sessions_and_nothing_more(stage: Stage, helper: Desk) -> None:
    ada = stage.signed_in()
    person = helper.find("ada")
    token = helper.get("/people").field("csrf")
    refused = {
        f"/admin{person}/disable": {},
        f"/admin{person}/groups": {"groups": "admins"},
        f"/admin{person}/rename": {"username": "root"},
        "/admin/people/new": {"username": "crony", "email": "crony@example.org"},
        f"/admin{person}/role": {"role": "owner"},
        f"/admin{helper.find('olivia')}/end-sessions": {},
        f"/admin{helper.find('sam')}/role": {"role": "owner"},
        "/admin/limits/AUTH.LOGIN/change": {"rate": "99/min", "burst": "9", "seen": "0"},
        "/admin/audit": {"person": "ada"},
    }

    answers = {path: posted(helper, path, {"csrf": token, "reason": "x", **more}) for path, more in refused.items()}
    pages = {path: helper.get(path).status for path in (f"{person}/disable", "/limits/AUTH.LOGIN", "/audit")}

    assert {path: seen.status for path, seen in answers.items()} == dict.fromkeys(refused, 403)
    assert set(pages.values()) == {403}
    on_owner = helper.get(f"{helper.find('olivia')}/end-sessions")
    assert (on_owner.status, "only an owner may" in on_owner.text) == (403, True)
    assert "owner or admin may" in helper.get(f"{person}/disable").text
    assert ada.visit(stage.app + "/").url == stage.app + "/"
    assert "10/min burst 5" in bastion(stage, "settings", "get", "AUTH.LOGIN")
    assert helper.act(f"{person}/end-sessions").status == 200
    assert ada.visit(stage.app + "/").url.startswith(f"{stage.auth}/login")


def test_sessions_of_all_are_found_by_filters_and_ended_with_a_reason(stage: Stage, owner: Desk, helper: Desk) -> None:
    ada = stage.signed_in()
    ada.visit(stage.app + "/")
    host = stage.app.split("://")[1].split(":")[0]
    token, everybody = owner.get("/people").field("csrf"), owner.get("/sessions")
    person = owner.find("ada")

    def found(**filters: str) -> set[str]:
        page = posted(owner, "/admin/sessions", {"csrf": token, **filters})
        assert (page.status, page.url) == (200, f"{stage.auth}/admin/sessions")
        return set(re.findall(r'<th scope="row"><a href="[^"]*"><bdi>([^<]*)</bdi>', page.text))

    assert {"ada", "olivia", "sam"} <= found()
    assert found(person="ada") == {"ada"}
    assert found(person="nobody-has-it") == set()
    assert "ada" in found(host=host)
    assert found(host="other.localhost") == set()
    assert {"olivia", "sam"} <= found(factor="yes")
    assert "ada" not in found(factor="yes")
    assert "ada" in found(factor="no")
    assert "ada" in found(address="127.0.0.1")
    assert found(address="192.0.2.77") == found(address="127.0.0") == set()
    assert found(person="ada", kept="yes") == set()
    assert "Clear the filters" in posted(owner, "/admin/sessions", {"csrf": token, "person": "x"}).text
    assert owner.get("/sessions?kept=maybe&risk=x&after=1.!").status == 200
    ends = re.findall(rf'href="/admin({person}/end-session/[^"]*)"', everybody.text)
    assert f"{owner.find('olivia')}/end-session" not in everybody.text, "oneself"
    assert f"{owner.find('olivia')}/end-session" not in helper.get("/sessions").text, "an owner"
    assert f"{person}/end-session" in helper.get("/sessions").text

    for path in ends:
        assert "The sessions have ended" in owner.act(path).text

    assert newest(stage, "sessions_ended")["personal"] == {"reason": "as asked"}
    assert ada.visit(stage.app + "/").url.startswith(f"{stage.auth}/login")
    assert "ada" not in found()


def test_what_others_wrote_is_text_on_every_page(stage: Stage, owner: Desk) -> None:
    name = '"><b data-live=1 onload=alert(1)>'
    bastion(
        stage,
        "user",
        "add",
        "malvolio",
        "--name",
        name,
        "--password-stdin",
        "--if-absent",
        stdin="correct horse battery",
    )

    person = owner.find("malvolio")
    pages = [owner.get("/people"), owner.get(person), owner.get(f"{person}/disable")]

    for page in pages:
        assert "<b data-live" not in page.text
        assert name in html.unescape(page.text)
        assert "malvolio" not in page.url


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_an_arrival_from_another_site_does_nothing(stage: Stage, owner: Desk, site: str) -> None:
    """An app beside the auth host is another site too."""
    seen = owner.visitor.send("GET", f"{stage.auth}/admin/people", {**NAVIGATION, "Sec-Fetch-Site": site})

    assert "Another site sent you here" in seen.text
    assert "malvolio" not in seen.text
    assert re.findall(r'href="(/admin[^"]*)"', seen.text) == ["/admin/people"]


def test_what_no_page_of_ours_sends_changes_nothing(stage: Stage, owner: Desk) -> None:
    person, token = owner.find("sam"), owner.get("/people").field("csrf")
    sent = {"csrf": token, "reason": "x"}

    answers = [posted(owner, f"/admin{person}/role", {**sent, **more}).status for more in ({}, {"role": "Owner"})]

    assert answers == [400, 400]
    assert owner.get(f"/people?after={'9' * 30}.{person.rpartition('/')[2]}").status == 200
    digits = {"rate": "20/min", "burst": "9", "seen": "9" * 5_000}
    assert posted(owner, "/admin/limits/AUTH.LOGIN/change", {**sent, **digits}).status == 409
    assert newest(stage, "person_viewed")["actor"] == "olivia"


def test_leaving_ends_it_for_a_copied_cookie_too(stage: Stage, helper: Desk) -> None:
    copy, page = copied(helper), helper.get("")
    assert copy.get("").url == f"{stage.auth}/admin"

    left = helper.visitor.submit(page, "/admin/leave", csrf=page.field("csrf"))

    assert left.url == f"{stage.auth}/account"
    assert copy.get("").url == f"{stage.auth}/admin/enter"


def test_a_person_without_a_role_finds_nothing(stage: Stage) -> None:
    visitor = stage.signed_in()

    assert [visitor.visit(f"{stage.auth}/admin{path}").status for path in ("", "/enter", "/people", "/limits")] == [
        404
    ] * 4
