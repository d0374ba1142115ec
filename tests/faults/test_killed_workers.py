"""A worker dies at each message that it exchanges with Postgres or Redis during an act, and the person does it again.

Killed at a request it has not done that step; killed at the answer it has, and never hears of it.
"""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import pytest
from redis import Redis

from tests.exhaustive import EXHAUSTIVE
from tests.faults.conftest import Relayed
from tests.journeys.test_faults import question
from tests.staging import Seen, Stage, Visitor

Jar: TypeAlias = dict[str, dict[str, str]]
MOST = 300  # messages of one act
STEP = 1 if EXHAUSTIVE else 11  # of logins, whose messages mostly prepare statements
SHORT_STEP = 1 if EXHAUSTIVE else 3
ASKED = 6  # of both workers


@dataclass
class Kills:
    """at: the messages at which a worker was killed during the act."""

    relayed: Relayed
    at: list[int] = field(default_factory=list)

    def moments(self, step: int = 1) -> Iterator[int]:
        """Until the act goes through without a kill. step: odd, so that requests and answers are both met."""
        for moment in range(0, MOST, step):
            forget_limits(self.relayed.stage)
            yield moment
            if not self.relayed.reaper.killed:
                return
            self.at.append(moment)
        pytest.fail("the act never came to its end")

    def during(self, moment: int, act: Callable[[], object]) -> None:
        reaper = self.relayed.reaper
        reaper.killed, reaper.after = 0, moment
        try:
            act()
        finally:
            reaper.after = None


def forget_limits(stage: Stage) -> None:
    """All of it comes from one address."""
    with Redis.from_url(stage.valkey.url) as client:
        spent = list(client.scan_iter("{*}b:*"))
        if spent:
            client.delete(*spent)


@pytest.fixture
def stage(relayed: Relayed) -> Stage:
    return relayed.stage


@pytest.fixture
def kills(relayed: Relayed) -> Kills:
    return Kills(relayed)


def until(done: Callable[[], bool]) -> None:
    """Again and again, as a person does whose browser shows an error."""
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def opens(stage: Stage, jar: Jar) -> set[int]:
    """What Caddy is told about requests with these cookies on the first host, on connections of their own."""
    return {_decided(stage.decision_socket, jar["app.localhost"].get("__Host-bastion", "")) for _ in range(ASKED)}


def _decided(path: str, cookie: str) -> int:
    with asked(path, cookie) as channel:
        return int(channel.recv(65_536)[9:12] or b"502")


@contextmanager
def asked(path: str, cookie: str, within_s: float = 10) -> Iterator[socket.socket]:
    """What Caddy asks, and what may be answered later."""
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(within_s)
        channel.connect(path)
        channel.sendall(question(cookie))
        yield channel


def settled(stage: Stage, jar: Jar) -> set[int]:
    """The same, when no worker is missing any more."""
    forget_limits(stage)
    until(lambda: not {502, 503} & opens(stage, jar))
    return opens(stage, jar)


def copy(jar: Jar) -> Jar:
    return {host: dict(pairs) for host, pairs in jar.items()}


def log_out(stage: Stage, visitor: Visitor) -> None:
    """The form again and again, with the cookies that it began with, until it is answered."""
    page = visitor.visit(stage.auth + "/logout")
    before, form = copy(visitor.jar), page.field("csrf")

    def leave() -> bool:
        visitor.jar = copy(before)
        return visitor.submit(page, "/logout", csrf=form).status == 200

    until(leave)


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
    assert len(kills.at) >= 8


def test_a_login_that_was_repeated_is_one_that_can_be_ended(stage: Stage, kills: Kills) -> None:
    for moment in kills.moments(STEP):
        visitor = stage.visitor()
        sign_in_twice(stage, kills, moment, visitor, visitor.visit(stage.app + "/"))
        cookies = copy(visitor.jar)
        log_out(stage, visitor)
        assert settled(stage, cookies) == {401}, f"after a kill at message {moment}"
    assert len(kills.at) >= 3


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
    assert len(kills.at) >= 3


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
    assert len(kills.at) >= 12
