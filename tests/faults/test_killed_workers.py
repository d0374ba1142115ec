"""A worker dies at each message that it exchanges with Postgres or Redis during an act, and the person does it again.

Killed at a request it has not done that step; killed at the answer it has, and never hears of it.
"""

from dataclasses import replace

import pytest

from tests.exhaustive import EXHAUSTIVE
from tests.faults.conftest import Relayed
from tests.faults.kills import Jar, Kills, copy, log_out, settled, until
from tests.staging import Seen, Stage, Visitor, forget_limits

STEP = 1 if EXHAUSTIVE else 97  # of logins, whose messages mostly prepare statements
SHORT_STEP = 1 if EXHAUSTIVE else 17


@pytest.fixture
def stage(relayed: Relayed) -> Stage:
    return relayed.stage


@pytest.fixture
def kills(relayed: Relayed) -> Kills:
    return Kills(relayed)


def send(stage: Stage, visitor: Visitor, page: Seen) -> Seen:
    """The form of the login page, without the way back."""
    fields = {"csrf": page.field("csrf"), "j": page.field("j")}
    return visitor._post(page, "/login", **fields, name=stage.summary["user"], password=stage.summary["password"])


def with_token_of_now(stage: Stage, visitor: Visitor, page: Seen) -> Seen:
    """A form of before this browser signed in would only go on to its page; with this token the password counts."""
    now = visitor.visit(stage.auth + "/logout").field("csrf")
    return replace(page, text=page.text.replace(page.field("csrf"), now))


def log_out_once_cut_off(stage: Stage, kills: Kills, moment: int) -> None:
    visitor = stage.signed_in()
    page = visitor.visit(stage.auth + "/logout")
    before, form = copy(visitor.jar), page.field("csrf")

    kills.during(moment, lambda: visitor.submit(page, "/logout", csrf=form))
    visitor.jar = copy(before)
    log_out(stage, visitor)

    assert settled(stage, before) == {401}, f"after a kill at message {moment}"


def sign_in_twice(stage: Stage, kills: Kills, moment: int, visitor: Visitor, page: Seen) -> None:
    """Once cut off, then again with the cookies from before."""
    before = copy(visitor.jar)
    kills.during(moment, lambda: send(stage, visitor, page))
    visitor.jar = copy(before)

    def sends() -> bool:
        forget_limits(stage)  # each attempt that was cut off has spent one
        return send(stage, visitor, page).status == 303

    until(sends)
    until(lambda: visitor.visit(stage.app + "/").status == 200)
    assert settled(stage, visitor.jar) == {200}, f"after a kill at message {moment}"


def test_a_logout_that_was_repeated_lets_nobody_in(stage: Stage, kills: Kills) -> None:
    for moment in kills.moments(SHORT_STEP):
        log_out_once_cut_off(stage, kills, moment)
    assert kills.at[-1] >= 10, "messages of a logout"


def test_a_login_that_was_repeated_is_one_that_can_be_ended(stage: Stage, kills: Kills) -> None:
    for moment in kills.moments(STEP):
        visitor = stage.visitor()
        sign_in_twice(stage, kills, moment, visitor, visitor.visit(stage.app + "/"))
        cookies = copy(visitor.jar)
        log_out(stage, visitor)
        assert settled(stage, cookies) == {401}, f"after a kill at message {moment}"
    assert len(kills.at) >= 2


def test_a_second_login_that_was_repeated_leaves_the_browser_one_that_can_be_ended(stage: Stage, kills: Kills) -> None:
    """The secret is replaced: a browser that never heard of the new one has the old one, for 20 s or for good."""
    visitor = stage.visitor()
    page = visitor.visit(stage.app + "/")
    assert send(stage, visitor, page).status == 303
    for moment in kills.moments(STEP):
        page = with_token_of_now(stage, visitor, page)
        sign_in_twice(stage, kills, moment, visitor, page)
    cookies = copy(visitor.jar)
    log_out(stage, visitor)
    assert settled(stage, cookies) == {401}
    assert len(kills.at) >= 2


def test_a_hand_off_that_was_repeated_opens_the_host(stage: Stage, kills: Kills) -> None:
    visitor = stage.signed_in()
    before, children = copy(visitor.jar), list[Jar]()
    for moment in kills.moments(SHORT_STEP):
        visitor.jar = {**copy(before), "app.localhost": {}}
        kills.during(moment, lambda: visitor.visit(stage.app + "/"))
        until(lambda: visitor.visit(stage.app + "/").status == 200)
        children.append(copy(visitor.jar))
        assert settled(stage, visitor.jar) == {200}, f"after a kill at message {moment}"
    log_out(stage, visitor)
    assert [settled(stage, child) for child in children] == [{401}] * len(children)
    assert kills.at[-1] >= 25, "messages of a hand-off"
