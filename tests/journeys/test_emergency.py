"""At three in the morning, through Caddy: apps close, everybody needs a second factor, sign-ins stop, sessions end."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from tests.conftest import run_apart
from tests.databases import execute
from tests.journeys.test_console import Desk, bastion, entered, newest
from tests.staging import Seen, Stage

WORDS = "Back at noon, <b>promised</b>."
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PREFLIGHT = {"Origin": "https://partner.example", "Access-Control-Request-Method": "GET"}
LOGINS = 6_000
MANY = f"""
    INSERT INTO logins (id, user_id, created_at, persistent, idle_s, expires_at, last_seen_at, sealed)
    SELECT decode(md5('emergency' || n), 'hex'), u.id, now_s - n, false, 3600, now_s + 3600, now_s, 'x'
      FROM generate_series(1, {LOGINS}) n, (SELECT extract(epoch FROM now())::bigint AS now_s) clock,
           (SELECT id FROM users WHERE 'evacuees' = ANY(groups)) u
"""
HOLD_OLDEST = f"SELECT id FROM logins WHERE id = decode(md5('emergency' || {LOGINS}), 'hex') FOR UPDATE"
ZOE = ("user", "add", "zoe", "--group", "evacuees", "--password-stdin", "--if-absent")


@pytest.fixture(scope="module")
def owner(running_stage: Stage) -> Desk:
    return entered(running_stage, "olivia")


@pytest.fixture(scope="module")
def helper(running_stage: Stage) -> Desk:
    return entered(running_stage, "sam")


@contextmanager
def locked_login(stage: Stage) -> Iterator[None]:
    """The oldest of many is held, so that whoever ends all of them is in the middle until this is over."""
    connected, over = threading.Event(), threading.Event()

    async def hold() -> None:
        connection = await asyncpg.connect(stage.postgres.url("journeys"))
        async with connection.transaction():
            await connection.execute(HOLD_OLDEST)
            connected.set()
            await asyncio.to_thread(over.wait)
        await connection.close()

    thread = threading.Thread(target=lambda: asyncio.run(hold()))
    thread.start()
    assert connected.wait(60)
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def undone(stage: Stage, *undo: str) -> Iterator[None]:
    try:
        yield
    finally:
        bastion(stage, "emergency", *undo, "--reason", "over")


def until(holds: Callable[[], bool], within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def workers(stage: Stage) -> set[int]:
    arbiter = stage.summary["pids"]["bastion"]
    return {int(pid) for pid in Path(f"/proc/{arbiter}/task/{arbiter}/children").read_text().split()}


def kill_workers(stage: Stage) -> None:
    before = workers(stage)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(workers(stage) - before) == len(before))
    ready = stage.visitor()
    until(lambda: ready.send("GET", stage.auth + "/login").status == 200)


def statuses(stage: Stage, url: str, times: int = 1) -> set[int]:
    """Of all methods, each several times, so that both workers answer."""
    visitor = stage.visitor()
    found = {visitor.send(method, url).status for method in METHODS for _ in range(times)}
    return found | {visitor.send("OPTIONS", url, PREFLIGHT).status for _ in range(times)}


def test_a_closed_app_answers_503_to_all_methods_after_a_restart_too(stage: Stage) -> None:
    ada = stage.signed_in()
    with undone(stage, "open", "app"):
        said = bastion(stage, "emergency", "close", "app", "--reason", "incident 7", "--words", WORDS, "--until", "1h")

        assert said == "in force on 2 of 2 workers\n"
        for path in ("/", "/public/x", "/api/x", "/own/x", "/open/x", "/race/x"):
            assert statuses(stage, stage.app + path, times=4) == {503}, path
        page = ada.visit(stage.app + "/")
        assert (page.status, "Closed for the moment" in page.text) == (503, True)
        assert "Back at noon, &lt;b&gt;promised&lt;/b&gt;." in page.text
        assert ada.visit(stage.app2 + "/").status == 200
        assert ada.visit(stage.auth + "/account").status == 200
        kill_workers(stage)
        assert statuses(stage, stage.app + "/public/x", times=4) == {503}
        assert "The app app is closed. Until " in bastion(stage, "emergency", "status")

    assert ada.visit(stage.app + "/").status == 200
    begun, ended = newest(stage, "emergency_begun"), newest(stage, "emergency_ended")
    assert begun["personal"] == {"reason": "incident 7", "words": WORDS}
    assert isinstance(begun["detail"], dict)
    assert (begun["detail"]["what"], begun["detail"]["named"]) == ("close", "app")
    assert isinstance(ended["detail"], dict)
    assert (ended["detail"]["named"], ended["detail"]["why"]) == ("app", "undone")


def test_a_closed_app_does_not_open_under_another_name(stage: Stage) -> None:
    policy = next(
        path for path in (stage.demo.directory / "policies").glob("*.yaml") if "\n  app2:" in path.read_text()
    )
    text = policy.read_text()

    def accepted() -> int:
        return sum(line.get("event") == "policy accepted" for line in stage.logged())

    with undone(stage, "open", "app2"):
        bastion(stage, "emergency", "close", "app2", "--reason", "incident 8")
        before = accepted()
        try:
            policy.write_text(text.replace("\n  app2:", "\n  kiwi:"))
            until(lambda: accepted() >= before + 2)

            assert statuses(stage, stage.app2 + "/", times=4) == {503}
        finally:
            policy.write_text(text)
            until(lambda: accepted() >= before + 4)
        assert statuses(stage, stage.app2 + "/", times=4) == {503}


def test_a_second_factor_is_asked_of_everybody_and_signing_in_stops(
    stage: Stage, owner: Desk, request: pytest.FixtureRequest
) -> None:
    ada = stage.signed_in()

    with undone(stage, "require-mfa", "off"):
        assert ada.visit(stage.app + "/").url == stage.app + "/"
        bastion(stage, "emergency", "require-mfa", "on", "--reason", "passwords leaked")
        assert ada.visit(stage.app + "/").url.startswith(stage.auth)
        assert ada.visit(stage.app + "/public/x").status == 200
        assert "needs a second factor" in owner.get("/people").text

    with undone(stage, "stop-logins", "off"):
        bastion(stage, "emergency", "stop-logins", "on", "--reason", "passwords leaked")
        stopped = stage.log_in(stage.visitor())
        assert (stopped.status, "Sign-ins are stopped" in stopped.text) == (503, True)
        assert ada.visit(stage.app + "/").url == stage.app + "/", "who is signed in goes on"
        assert request.getfixturevalue("helper").get("").status == 200, "who has a role signs in"

    assert stage.signed_in().visit(stage.app + "/").status == 200
    assert "Emergency:" not in owner.get("").text


def test_an_owner_closes_and_opens_an_app_and_a_helper_may_not(stage: Stage, owner: Desk, helper: Desk) -> None:
    form = owner.get("/emergency/close")

    closed = owner.visitor.submit(
        form, "/admin/emergency/close", csrf=form.field("csrf"), app="app2", words="", hours="1", reason="look"
    )

    assert "In force on 2 of 2 workers." in closed.text
    assert statuses(stage, stage.app2 + "/") == {503}
    for page in ("", "/people", "/emergency"):
        assert "The app app2 is closed." in helper.get(page).text, page
    assert {helper.get(f"/emergency/{path}").status for path in ("close", "close/undo/app2", "end-sessions")} == {403}
    assert "/emergency/close" not in helper.get("/emergency").text
    opened = owner.act("/emergency/close/undo/app2")
    assert "In force on 2 of 2 workers." in opened.text
    assert 503 not in statuses(stage, stage.app2 + "/")
    again = owner.act("/emergency/close/undo/app2")
    assert (again.status, "close app2 is not in force" in again.text) == (403, True)


def end_by_page(owner: Desk, **fields: str) -> Seen:
    form = owner.get("/emergency/end-sessions")
    ask = owner.visitor.submit(
        form, "/admin/emergency/end-sessions", csrf=form.field("csrf"), reason="all of them", **fields
    )
    assert ask.status == 200, ask.text
    sent = {name: ask.field(name) for name in ("csrf", "chosen", "named", "closes", "ends_own", "reason")}
    assert f"{LOGINS + 1} sessions end" in ask.text
    return owner.visitor.submit(ask, "/admin/emergency/end-sessions/begin", **sent)


def test_an_end_of_sessions_is_resumed_after_a_kill(stage: Stage, owner: Desk) -> None:
    """6,000 logins of a group; all workers are killed in the middle."""
    bastion(stage, *ZOE, stdin="correct horse battery")
    zoe, ada = stage.visitor(), stage.signed_in()
    page = zoe.visit(f"{stage.auth}/login")
    zoe.log_in(page, "zoe", "correct horse battery")
    assert zoe.visit(stage.app + "/").status == 200
    run_apart(execute(stage.postgres, MANY, "journeys"))

    with locked_login(stage):
        begun = end_by_page(owner, chosen="group", named="evacuees", closes="yes")
        until(lambda: ": 6000 of" in bastion(stage, "emergency", "status"))
        kill_workers(stage)
        assert statuses(stage, stage.app + "/public/x") == {503}, "all apps are closed until it is done"

    assert "In force on 2 of 2 workers." in begun.text
    until(lambda: f": {LOGINS + 1} of {LOGINS + 1}, done" in bastion(stage, "emergency", "status"))
    until(lambda: ada.visit(stage.app + "/").status == 200)
    assert zoe.visit(stage.app + "/").url.startswith(f"{stage.auth}/login")
    assert owner.get("/emergency").status == 200
    ended = newest(stage, "emergency_ended")
    assert isinstance(ended["detail"], dict)
    assert (ended["detail"]["why"], ended["detail"]["sessions"]) == ("done", LOGINS + 1)
    bastion(stage, "audit", "verify")
