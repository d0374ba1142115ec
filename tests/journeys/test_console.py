"""The console of a whole gateway, through Caddy and without scripts, as an owner and a helper use it."""

import html
import json
import re
from copy import deepcopy
from dataclasses import dataclass
from functools import cache

import pytest
from redis import Redis as SyncRedis

from gateway.core.base64url import b64
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


def chosen(desk: Desk, **fields: str) -> Seen:
    """The page that confirms the end of sessions."""
    sent = {"csrf": desk.get("/people").field("csrf"), **fields}
    answer = posted(desk, "/admin/sessions/end", sent)
    if answer.status != 303:
        return answer
    return desk.visitor.visit(desk.stage.auth + answer.headers["Location"])


def ticks_of(desk: Desk, person: str) -> dict[str, str]:
    """Of all sessions that a person has."""
    page = desk.get("/sessions").text
    rows = [row for row in page.split("<tr>") if f'href="/admin{person}"' in row]
    return {name: "yes" for row in rows for name in re.findall(r'name="(login\.[^"]*)"', row)}


def test_those_ticked_are_ended_with_one_reason(stage: Stage, owner: Desk, helper: Desk) -> None:
    ada, other = stage.signed_in(), stage.signed_in()
    person = owner.find("ada")
    ticks = ticks_of(owner, person)
    assert len(ticks) >= 2
    assert not ticks_of(owner, owner.find("olivia")), "oneself"
    page = chosen(helper, what="ticked", **ticks)
    assert f"{len(ticks)} sessions of 1 people are signed out" in page.text
    assert ada.visit(stage.app + "/").url == stage.app + "/", "nothing has ended yet"

    done = helper.visitor.submit(page, page.url, csrf=page.field("csrf"), reason="as asked")

    assert "The sessions have ended, on every node." in done.text
    for visitor in (ada, other):
        assert visitor.visit(stage.app + "/").url.startswith(f"{stage.auth}/login")
    entry = newest(stage, "sessions_ended")
    assert (entry["actor"], entry["subject"], entry["personal"]) == ("sam", "ada", {"reason": "as asked"})
    assert isinstance(entry["detail"], dict)
    assert set(ticks) == {f"login.{one}" for one in entry["detail"]["logins"]}
    again = helper.visitor.submit(page, page.url, csrf=page.field("csrf"), reason="again")
    assert "It was so already" in again.text


@pytest.mark.parametrize(("ticked", "status"), [(0, 400), (1, 200), (100, 200), (101, 400)])
def test_a_hundred_are_ticked_at_most(owner: Desk, ticked: int, status: int) -> None:
    ticks = {f"login.{b64(number.to_bytes(16))}": "yes" for number in range(ticked)}

    page = chosen(owner, what="ticked", **ticks)

    assert page.status == status
    assert ("None of these is signed in any more." in page.text) is (status == 200)


def test_all_that_a_filter_finds_end_after_their_number_is_typed(stage: Stage, owner: Desk) -> None:
    ada = stage.signed_in()
    page = chosen(owner, what="filter", person="ada@example.org", factor="no")
    assert "ada" not in page.url
    found = re.search(r"type (\d+)<", page.text)
    assert found is not None
    number = found[1]
    sent = {"csrf": page.field("csrf"), "reason": "as asked"}

    wrong = owner.visitor.submit(page, page.url, **sent, number=f"{number}1")

    assert (wrong.status, "The number is not" in wrong.text, 'value="as asked"' in wrong.text) == (409, True, True)
    assert ada.visit(stage.app + "/").url == stage.app + "/"
    meanwhile = stage.signed_in()
    assert owner.visitor.submit(page, page.url, **sent, number=number).status == 409, "one more since"
    done = owner.visitor.submit(page, page.url, **sent, number=str(int(number) + 1))
    assert "The sessions have ended" in done.text
    for visitor in (ada, meanwhile):
        assert visitor.visit(stage.app + "/").url.startswith(f"{stage.auth}/login")
    assert owner.get("").url == f"{stage.auth}/admin"


@pytest.mark.parametrize("filters", [{}, {"kept": "maybe"}, {"risk": "x"}, {"host": " "}])
def test_no_filter_is_none_that_ends_everybodys(owner: Desk, filters: dict[str, str]) -> None:
    page = chosen(owner, what="filter", **filters)

    assert (page.status, "Set a filter first." in page.text) == (400, True)


def test_what_is_ticked_beyond_ones_role_stays(stage: Stage, owner: Desk, helper: Desk) -> None:
    """Forged ticks of an owner's session, and of one's own; a choice that nobody has sealed."""
    logins = [
        re.search(r"'login': '([^']*)'", str(entry["detail"]))
        for entry in json.loads(bastion(stage, "audit", "list", "--kind", "admin_entered", "--json"))
    ]
    ticks = {f"login.{found[1]}": "yes" for found in logins if found is not None}
    page = chosen(helper, what="ticked", **ticks)
    assert "None of these is signed in any more." in page.text
    assert "they stay" in page.text

    done = posted(helper, page.url.removeprefix(stage.auth), {"csrf": token_of(helper), "reason": "x"})

    assert done.headers["Location"] == "/admin/sessions?done=ended_some"
    assert [desk.get("").url for desk in (owner, helper)] == [f"{stage.auth}/admin"] * 2
    forged = page.url[:-4] + ("AAAA" if not page.url.endswith("AAAA") else "BBBB")
    assert owner.visitor.visit(forged).status == 404


def token_of(desk: Desk) -> str:
    return desk.get("/people").field("csrf")


LIVE = {**NAVIGATION, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin"}


def test_a_live_page_gets_its_region_alone_and_no_other_page_is_fetched(stage: Stage, owner: Desk) -> None:
    poll = {**LIVE, "Bastion-Live": "1"}

    def asked(path: str, headers: dict[str, str], method: str = "GET") -> int:
        return owner.visitor.send(method, f"{stage.auth}{path}", headers).status

    for path in ("/admin", "/admin/decisions", "/admin/decisions?over=1h"):
        whole, region = owner.visitor.visit(stage.auth + path), owner.visitor.send("GET", stage.auth + path, poll)
        assert region.status == 200
        assert not re.search(r"<(form|html|script|nav)", region.text)
        assert "trusted-types bastion" in whole.headers["Content-Security-Policy"]
        assert "connect-src 'self'" in whole.headers["Content-Security-Policy"]
    assert "connect-src" not in owner.get("/people").headers["Content-Security-Policy"]
    refused = {
        "another page": asked("/admin/people", poll),
        "of the account": asked("/account", poll),
        "no header": asked("/admin", LIVE),
        "another header": asked("/admin", {**LIVE, "Bastion-Live": "2"}),
        "a post": asked("/admin", poll, "POST"),
        "a picture": asked("/admin", {**poll, "Sec-Fetch-Dest": "image"}),
        "another site": asked("/admin", {**poll, "Sec-Fetch-Site": "cross-site"}),
        "a site beside": asked("/admin", {**poll, "Sec-Fetch-Site": "same-site"}),
    }
    assert set(refused.values()) <= {400, 403, 405}, refused
    assert stage.signed_in().send("GET", f"{stage.auth}/admin", poll).status == 403
    assert stage.visitor().send("GET", f"{stage.auth}/admin", poll).status == 403


def test_what_others_wrote_is_text_on_every_page(stage: Stage, owner: Desk) -> None:
    name = '"><b data-live=1 onload=alert(1)>'
    bastion(
        stage,
        "user",
        "add",
        "mallory",
        "--name",
        name,
        "--password-stdin",
        "--if-absent",
        stdin="correct horse battery",
    )

    person = owner.find("mallory")
    pages = [owner.get("/people"), owner.get(person), owner.get(f"{person}/disable")]

    for page in pages:
        assert "<b data-live" not in page.text
        assert name in html.unescape(page.text)
        assert "mallory" not in page.url


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_an_arrival_from_another_site_does_nothing(stage: Stage, owner: Desk, site: str) -> None:
    """An app beside the auth host is another site too."""
    seen = owner.visitor.send("GET", f"{stage.auth}/admin/people", {**NAVIGATION, "Sec-Fetch-Site": site})

    assert "Another site sent you here" in seen.text
    assert "mallory" not in seen.text
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
