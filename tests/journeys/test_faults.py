"""Parts go away and come back: nobody gets in by it, and nobody is thrown out who need not be."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import redis as redis_sync

from gateway.outbound.probe import probe
from tests.staging import NAVIGATION, Stage, Visitor
from tests.zygote import bastion as run

DECISIONS = 10_000
CONNECTIONS = 16


def wait_until(holds: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def question(cookie: str) -> bytes:
    """What Caddy asks about a script's request to the first host."""
    return (
        "GET /decide?x HTTP/1.1\r\nHost: app.localhost\r\nX-Request-Id: 7f0c2a54-6f3e-4c0b-9a35-0d6c1c1e6f11\r\n"
        "X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /race/x\r\nX-Forwarded-Host: app.localhost\r\n"
        f"X-Forwarded-Proto: https\r\nX-Forwarded-For: 127.0.0.1\r\nCookie: __Host-bastion={cookie}\r\n\r\n"
    ).encode()


class Proxy:
    """Keeps asking over many connections, so over both workers, and notes when each question was sent."""

    def __init__(self, socket: str, cookie: str) -> None:
        self.socket = socket
        self.question = question(cookie)
        self.answers: list[tuple[float, int]] = []
        self.ended = asyncio.Event()

    async def ask(self) -> None:
        reader, writer = await asyncio.open_unix_connection(self.socket)
        while not self.ended.is_set():
            sent = time.monotonic()
            writer.write(self.question)
            head = await reader.readuntil(b"\r\n\r\n")
            length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")), 0)
            await reader.readexactly(length)
            self.answers.append((sent, int(head[9:12])))
        writer.close()
        await writer.wait_closed()


def test_no_decision_passes_after_the_logout_answer(stage: Stage) -> None:
    """From two workers, at full speed, while the person logs out in the browser."""
    with redis_sync.Redis.from_url(stage.valkey.url) as client:
        client.flushall()
    visitor = stage.signed_in()
    cookie = visitor.jar["app.localhost"]["__Host-bastion"]

    async def race() -> tuple[Proxy, float]:
        proxy = Proxy(stage.decision_socket, cookie)
        asking = [asyncio.create_task(proxy.ask()) for _ in range(CONNECTIONS)]
        while len(proxy.answers) < 2_000:
            await asyncio.sleep(0.01)
        page = await asyncio.to_thread(visitor.visit, stage.auth + "/logout")
        await asyncio.to_thread(visitor.submit, page, "/logout", csrf=page.field("csrf"))
        answered = time.monotonic()
        while sum(sent > answered for sent, _ in proxy.answers) < DECISIONS:
            await asyncio.sleep(0.05)
        proxy.ended.set()
        await asyncio.gather(*asking)
        return proxy, answered

    proxy, answered = asyncio.run(race())

    before = [status for sent, status in proxy.answers if sent < answered]
    after = [status for sent, status in proxy.answers if sent > answered]
    assert before.count(200) >= 2_000
    assert len(after) >= DECISIONS
    assert 200 not in after
    assert set(after) == {401}


def test_a_killed_worker_takes_nobody_with_it(stage: Stage) -> None:
    visitor = stage.signed_in()
    arbiter = stage.summary["pids"]["bastion"]
    children = Path(f"/proc/{arbiter}/task/{arbiter}/children").read_text()
    workers = [int(pid) for pid in children.split()]

    os.kill(workers[0], signal.SIGKILL)
    statuses = [visitor.fetch(stage.app + "/api/x").status for _ in range(40)]

    assert len(workers) >= 2
    assert statuses.count(200) >= 38, "at most what that worker was answering is lost"
    wait_until(lambda: all(visitor.fetch(stage.app + "/api/x").status == 200 for _ in range(10)))


def test_redis_emptied_logs_nobody_out(stage: Stage) -> None:
    visitor = stage.signed_in()
    with redis_sync.Redis.from_url(stage.valkey.url) as client:
        client.flushall()
        client.function_flush()

    assert visitor.fetch(stage.app + "/api/x").status == 200
    assert visitor.visit(stage.auth + "/account").status == 200


def test_redis_restarted_from_nothing_logs_nobody_out_and_gone_lets_nobody_in(stage: Stage) -> None:
    visitor = stage.signed_in()
    stage.valkey.kill()
    try:
        wait_until(lambda: visitor.fetch(stage.app + "/api/x").status == 503)
        page = visitor.visit(stage.app + "/")
        public = stage.visitor().send("GET", stage.app + "/public/x")
        ready = probe(f"unix:{stage.decision_socket.replace('decision', 'ops')}", "/readyz")
    finally:
        stage.valkey.start()

    assert page.status == 503
    assert int(page.headers["Retry-After"]) >= 1
    assert "does not answer" in page.text
    assert public.status == 200
    assert ready[0] == 503
    wait_until(lambda: visitor.fetch(stage.app + "/api/x").status == 200)


def test_postgres_gone_leaves_who_is_in_and_lets_nobody_new_in(stage: Stage) -> None:
    visitor, leaving = stage.signed_in(), stage.signed_in()
    fresh = stage.visitor()
    page = fresh.visit(stage.auth + "/login")
    assert leaving.fetch(stage.app + "/api/x").status == 200
    logout = leaving.visit(stage.auth + "/logout")
    stage.postgres.stop()
    try:
        inside = [visitor.fetch(stage.app + "/api/x").status for _ in range(20)]
        refused = fresh.log_in(page, "ada", stage.summary["password"])
        out = leaving.submit(logout, "/logout", csrf=logout.field("csrf"))
        after = leaving.fetch(stage.app + "/api/x").status
    finally:
        stage.postgres.start()

    assert set(inside) == {200}
    assert refused.status == 503
    assert "__Host-bastion-login" not in fresh.jar["auth.localhost"]
    assert out.status == 200
    assert after == 401
    wait_until(lambda: _ended_logins(stage) >= 1)


def test_without_postgres_the_policy_keeps_a_person_out_whose_account_cannot_be_disabled(stage: Stage) -> None:
    """As docs/users.md says."""
    visitor = stage.signed_in()
    file = stage.demo.directory / "policies" / "out.yaml"
    stage.postgres.stop()
    try:
        before = visitor.fetch(stage.app + "/api/x").status
        file.write_text("defaults: {deny: {users: ada}}\n")
        wait_until(lambda: all(visitor.fetch(stage.app + "/api/x").status == 403 for _ in range(20)))
        public = visitor.fetch(stage.app + "/public/x").status
    finally:
        file.unlink()
        stage.postgres.start()

    assert before == 200
    assert public == 403
    wait_until(lambda: visitor.fetch(stage.app + "/api/x").status == 200)


def _ended_logins(stage: Stage) -> int:
    """What the journal has brought to Postgres."""

    async def count() -> int:
        connection = await asyncpg.connect(stage.summary["database_url"])
        try:
            return int(await connection.fetchval("SELECT count(*) FROM logins WHERE ended_why = 'logout'"))
        finally:
            await connection.close()

    return asyncio.run(count())


def test_a_broken_policy_changes_nothing_and_says_where(stage: Stage) -> None:
    visitor = stage.signed_in()
    file = stage.demo.directory / "policies" / "demo.yaml"
    good = file.read_text()
    ops = f"unix:{stage.decision_socket.replace('decision', 'ops')}"
    try:
        file.write_text(good.replace("allow: authenticated", "allow: autenticated", 1))
        wait_until(lambda: "demo.yaml" in probe(ops, "/readyz")[1])
        during = visitor.fetch(stage.app + "/api/x").status
        body = probe(ops, "/readyz")[1]
        file.write_text(
            good.replace("allow: authenticated", "allow: {groups: nobody-is-in-this}", 1).split("\ntests:")[0]
        )
        wait_until(lambda: visitor.fetch(stage.app + "/api/x").status == 403)
    finally:
        file.write_text(good)

    assert during == 200
    assert "expected anyone, authenticated" in body
    wait_until(lambda: visitor.fetch(stage.app + "/api/x").status == 200)


def test_a_disabled_person_is_out_at_once(stage: Stage) -> None:
    visitor = stage.signed_in()
    try:
        bastion(stage, "user", "disable", "ada")
        refused = visitor.fetch(stage.app + "/api/x").status
        again = stage.log_in(stage.visitor())
    finally:
        bastion(stage, "user", "enable", "ada")

    assert refused == 401
    assert again.status == 403
    assert stage.log_in(stage.visitor()).status == 200


def test_a_group_that_is_taken_away_is_gone_at_once(stage: Stage) -> None:
    visitor = stage.signed_in()
    assert visitor.visit(stage.app2 + "/").status == 200
    try:
        bastion(stage, "user", "groups", "ada", "--set", "guests")
        without = visitor.fetch(stage.app2 + "/").status
        told = visitor.fetch(stage.app + "/api/x").text
    finally:
        bastion(stage, "user", "groups", "ada", "--set", "staff")

    assert without == 403
    assert "guests" in told
    assert visitor.fetch(stage.app2 + "/").status == 200


def bastion(stage: Stage, *arguments: str) -> None:
    done = run(*arguments, "--config", stage.demo.directory / "config.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_sessions_page_shows_and_ends_each_device(stage: Stage) -> None:
    here, there = stage.signed_in(), stage.signed_in()
    page = here.visit(stage.auth + "/account")
    other = [part.split('"')[0] for part in page.text.split('action="/account/sessions/')[1:]]
    ends, told = [path for path in other if path.endswith("/end")], page

    for path in ends:
        if path.split("/")[0] == there.jar["auth.localhost"]["__Host-bastion-login"].split(".")[2]:
            told = here.submit(page, f"/account/sessions/{path}", csrf=page.field("csrf"))

    assert "Firefox on Linux" in page.text
    assert told.url == stage.auth + "/account", "nobody can make a link that says it"
    assert '<p class="notice" role="status">Firefox on Linux was signed out.</p>' in told.text
    assert 'role="status"' not in here.visit(stage.auth + "/account").text, "said once"
    assert there.fetch(stage.app + "/api/x").status == 401
    assert here.fetch(stage.app + "/api/x").status == 200
    strange = Visitor(here.ca_file)
    assert strange.send("POST", stage.auth + "/account/sessions/end-all", NAVIGATION).status == 403


def test_ending_the_others_says_how_many(stage: Stage) -> None:
    here, there = stage.signed_in(), stage.signed_in()
    page = here.visit(stage.auth + "/account")
    others = page.text.count('/end"') - 1

    told = here.submit(page, "/account/sessions/end-all", csrf=page.field("csrf"), keep_this="yes")

    assert f'role="status">{others} other device{" was" if others == 1 else "s were"} signed out.</p>' in told.text
    assert there.fetch(stage.app + "/api/x").status == 401
    assert here.fetch(stage.app + "/api/x").status == 200


def test_ending_all_ends_this_one_too(stage: Stage) -> None:
    here, there = stage.signed_in(), stage.signed_in()
    page = here.visit(stage.auth + "/account")

    out = here.submit(page, "/account/sessions/end-all", csrf=page.field("csrf"))

    assert (out.url, "You are signed out" in out.text) == (stage.auth + "/signed-out", True)
    assert here.fetch(stage.app + "/api/x").status == 401
    assert there.fetch(stage.app + "/api/x").status == 401
