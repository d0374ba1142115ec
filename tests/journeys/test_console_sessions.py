"""Ends many sessions in the console, with one reason; and what a live page gets."""

import json
import re

import pytest

from gateway.core.base64url import b64
from tests.journeys.test_console import Desk, bastion, entered, newest, posted
from tests.staging import NAVIGATION, Seen, Stage

LIVE = {**NAVIGATION, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def owner(running_stage: Stage) -> Desk:
    return entered(running_stage, "olivia")


@pytest.fixture(scope="module")
def helper(running_stage: Stage) -> Desk:
    return entered(running_stage, "sam")


def token_of(desk: Desk) -> str:
    return desk.get("/people").field("csrf")


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
    assert f"{len(ticks)} sessions of 1 person will be signed out" in page.text
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
    if status == 200:
        proving = owner.visitor.visit(page.url.replace("/admin/", "/login/step-up?to=/admin/", 1))
        assert proving.url == page.url, "whoever has to prove a factor first comes back to the choice"


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
    assert "will stay" in page.text

    done = posted(helper, page.url.removeprefix(stage.auth), {"csrf": token_of(helper), "reason": "x"})

    assert done.headers["Location"] == "/admin/sessions?done=ended_some"
    assert [desk.get("").url for desk in (owner, helper)] == [f"{stage.auth}/admin"] * 2
    forged = page.url[:-4] + ("AAAA" if not page.url.endswith("AAAA") else "BBBB")
    assert owner.visitor.visit(forged).status == 404


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
