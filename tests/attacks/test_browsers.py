"""Attacks through Caddy with real browsers' requests: tickets, planted cookies, and workers that die half way."""

import os
import signal
import threading
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import redis as redis_sync

from tests.exhaustive import sampled
from tests.staging import NAVIGATION, Seen, Stage, Visitor

SAME_ORIGIN = {**NAVIGATION, "Sec-Fetch-Site": "same-origin"}


def ticket_of(stage: Stage, visitor: Visitor) -> str:
    """Sealed by the host for its own page's logout, and not brought to the auth host yet."""
    seen = visitor.send("POST", stage.app + "/.bastion/logout", SAME_ORIGIN)
    assert seen.status == 303
    return parse_qs(urlsplit(seen.headers["Location"]).query)["t"][0]


def is_in(stage: Stage, visitor: Visitor) -> bool:
    return visitor.fetch(stage.app + "/api/x").status == 200


def test_a_ticket_ends_one_login_also_in_another_browser_and_nothing_there(stage: Stage) -> None:
    leaving, other = stage.signed_in(), stage.signed_in()
    session = dict(leaving.jar["app.localhost"])
    ticket = ticket_of(stage, leaving)

    seen = other.send("GET", f"{stage.auth}/logout?t={ticket}", NAVIGATION)

    leaving.jar["app.localhost"] = session
    assert seen.status == 200
    assert not is_in(stage, leaving)
    assert is_in(stage, other)
    assert "__Host-bastion-login" in other.jar["auth.localhost"]


def test_a_ticket_that_comes_again_ends_nothing_new(stage: Stage) -> None:
    visitor = stage.signed_in()
    ticket = ticket_of(stage, visitor)
    visitor.send("GET", f"{stage.auth}/logout?t={ticket}", NAVIGATION)
    assert stage.log_in(visitor).status == 200

    visitor.send("GET", f"{stage.auth}/logout?t={ticket}", NAVIGATION)

    assert is_in(stage, visitor)


def test_neither_a_journey_nor_half_a_ticket_is_a_ticket(stage: Stage) -> None:
    visitor = stage.signed_in()
    session = dict(visitor.jar["app.localhost"])
    journey = stage.visitor().visit(stage.app + "/").field("j")
    ticket = ticket_of(stage, visitor)
    visitor.jar["app.localhost"] = session

    for forged in (journey, ticket[:-1], ticket + "A", ticket.swapcase(), f"{ticket}&t={ticket}"):
        visitor.send("GET", f"{stage.auth}/logout?t={forged}", NAVIGATION)

    assert is_in(stage, visitor)


def test_a_ticket_is_no_way_back(stage: Stage) -> None:
    visitor = stage.signed_in()
    ticket = ticket_of(stage, visitor)

    seen = visitor.send("GET", f"{stage.auth}/login?j={ticket}", NAVIGATION)

    assert (seen.status, seen.headers["Location"]) == (303, "/account")


@pytest.mark.parametrize("header", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}])
def test_another_sites_logout_form_only_asks(stage: Stage, header: dict[str, str]) -> None:
    visitor = stage.signed_in()

    seen = visitor.send("POST", stage.app + "/.bastion/logout", {**NAVIGATION, **header})

    assert seen.headers["Location"] == stage.auth + "/logout"
    assert is_in(stage, visitor)


def test_cookies_of_one_name_planted_twice_are_nobodys(stage: Stage) -> None:
    """A sibling that finds a way to plant a second one locks out, and lets nobody in as somebody else."""
    victim, attacker = stage.signed_in(), stage.signed_in()
    mine = victim.jar["app.localhost"]["__Host-bastion"]
    theirs = attacker.jar["app.localhost"]["__Host-bastion"]

    for planted in (f"__Host-bastion={theirs}; __Host-bastion={mine}", f"__Host-bastion={mine}; __Host-bastion={mine}"):
        seen = victim.fetch(stage.app + "/api/x", Cookie=planted)
        assert seen.status == 401


def test_a_session_of_the_auth_host_or_of_a_sibling_opens_nothing_here(stage: Stage) -> None:
    visitor = stage.signed_in()
    assert visitor.visit(stage.app2 + "/").status == 200
    tokens = {
        "app": visitor.jar["app.localhost"]["__Host-bastion"],
        "app2": visitor.jar["app2.localhost"]["__Host-bastion"],
        "auth": visitor.jar["auth.localhost"]["__Host-bastion-login"],
    }
    stranger = stage.visitor()

    def at(url: str, name: str, token: str) -> int:
        return stranger.send("GET", url, {"Cookie": f"{name}={token}"}).status

    assert at(stage.app + "/api/x", "__Host-bastion", tokens["app"]) == 200
    assert at(stage.app + "/api/x", "__Host-bastion", tokens["app2"]) == 401
    assert at(stage.app + "/api/x", "__Host-bastion", tokens["auth"]) == 401
    assert at(stage.auth + "/account", "__Host-bastion-login", tokens["auth"]) == 200
    assert at(stage.auth + "/account", "__Host-bastion-login", tokens["app"]) == 303


@pytest.mark.parametrize("record", ["wrong type", "too short", "garbage"])
def test_a_record_that_somebody_spoiled_in_redis_lets_nobody_in_and_a_logout_mends_it(
    stage: Stage, record: str
) -> None:
    visitor = stage.signed_in()
    with redis_sync.Redis.from_url(stage.valkey.url) as client:
        for key in client.scan_iter("*l:*"):
            old = client.get(key)
            assert isinstance(old, bytes)
            client.delete(key)
            if record == "wrong type":
                client.hset(key, "a", "b")
            else:
                client.set(key, old[:40] if record == "too short" else old[:9] + os.urandom(len(old) - 9))

    status = visitor.fetch(stage.app + "/api/x").status
    seen = visitor.send("POST", stage.app + "/.bastion/logout", SAME_ORIGIN)
    visitor.send("GET", seen.headers["Location"], NAVIGATION)

    assert status in (401, 503)
    assert stage.log_in(visitor).status == 200
    assert is_in(stage, visitor)


def kill_workers(stage: Stage, after_s: float) -> None:
    time.sleep(after_s)
    arbiter = stage.summary["pids"]["bastion"]
    for pid in Path(f"/proc/{arbiter}/task/{arbiter}/children").read_text().split():
        os.kill(int(pid), signal.SIGKILL)


def insist(visitor: Visitor, url: str) -> Seen:
    """As a person who reloads until the page is there."""
    deadline = time.monotonic() + 20
    while (seen := visitor.send("GET", url, NAVIGATION)).status >= 500:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return seen


@pytest.mark.parametrize("after_s", sampled([0.05, 0.0, 0.25, 0.3, 0.15]))
def test_a_login_that_a_killed_worker_did_not_finish_works_the_next_time(stage: Stage, after_s: float) -> None:
    visitor = stage.visitor()
    page = visitor.visit(stage.app + "/")
    killer = threading.Thread(target=kill_workers, args=(stage, after_s))
    killer.start()
    visitor.log_in(page, stage.summary["user"], stage.summary["password"])
    killer.join()

    insist(visitor, stage.auth + "/login")
    if not is_in(stage, visitor):
        seen = visitor.visit(stage.app + "/")
        if seen.url.startswith(stage.auth):
            seen = visitor.log_in(seen, stage.summary["user"], stage.summary["password"])
        assert seen.status == 200

    assert is_in(stage, visitor)


@pytest.mark.parametrize("after_s", sampled([0.003, 0.0, 0.01, 0.006]))
def test_a_logout_that_a_killed_worker_did_not_finish_is_done_by_the_next_try(stage: Stage, after_s: float) -> None:
    visitor = stage.signed_in()
    session = dict(visitor.jar["app.localhost"])
    ticket = ticket_of(stage, visitor)
    killer = threading.Thread(target=kill_workers, args=(stage, after_s))
    killer.start()
    visitor.send("GET", f"{stage.auth}/logout?t={ticket}", NAVIGATION)
    killer.join()

    seen = insist(visitor, f"{stage.auth}/logout?t={ticket}")

    visitor.jar["app.localhost"] = session
    assert seen.status == 200
    assert not is_in(stage, visitor)
