"""A worker is stopped between its read of Postgres and its fill, for longer than Redis remembers a logout (R1)."""

import asyncio
import http.client
import os
import queue
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from redis import Redis

from gateway.stores.redis.wire import login_key
from tests.exhaustive import EXHAUSTIVE
from tests.faults.conftest import Relayed
from tests.faults.kills import asked, settled
from tests.faults.relay import Passing
from tests.journeys.test_faults import question
from tests.staging import Seen, Stage, Visitor

PATIENCE_S = 200
REMEMBERED_S = 60  # how long Redis knows of an end, by functions/bastion.lua


@dataclass
class Stopper:
    """Stops the worker that fills the record of this key, and holds that message; the arbiter too, which would end the
    worker.

    key: "" is none yet. worker: 0 as long as none has been stopped. answers: what Redis says to it from then on.
    """

    arbiter: int
    key: str = ""
    worker: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)
    passes: threading.Event = field(default_factory=threading.Event)
    answers: "queue.Queue[bytes]" = field(default_factory=queue.Queue)

    async def judge(self, passing: Passing) -> bytes:
        if self.key and not self.worker and not passing.answer and self._fills(passing.words):
            self.worker = passing.pid
            for pid in (self.arbiter, self.worker):
                os.kill(pid, signal.SIGSTOP)
            self.stopped.set()
            while not self.passes.is_set():
                await asyncio.sleep(0.01)
        elif passing.answer and passing.pid == self.worker and self.passes.is_set():
            self.answers.put(passing.words)
        return passing.words

    def _fills(self, words: bytes) -> bool:
        return b"bastion_fill" in words and self.key.encode() in words

    def let_pass(self) -> bytes:
        """Redis's answer, which the worker hears when it goes on."""
        self.passes.set()
        return self.answers.get(timeout=20)

    def go_on(self) -> None:
        """All but the arbiter, for which the worker has been silent."""
        self.passes.set()
        if self.worker:
            os.kill(self.worker, signal.SIGCONT)


@pytest.fixture
def stopper(relayed: Relayed) -> Iterator[Stopper]:
    stopper = Stopper(int(relayed.stage.summary["pids"]["bastion"]))
    before, relayed.to_redis.judge = relayed.to_redis.judge, stopper.judge
    yield stopper
    relayed.to_redis.judge = before
    stopper.go_on()
    time.sleep(2)  # until the worker has told the arbiter that it lives
    os.kill(stopper.arbiter, signal.SIGCONT)


class WebConnection(http.client.HTTPConnection):
    """To the workers themselves: of Caddy's, one may be to the worker that is stopped."""

    def __init__(self, path: Path) -> None:
        super().__init__("auth.localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(str(self._path))


def log_out(stage: Stage, visitor: Visitor, page: Seen) -> int:
    """By whichever worker is awake."""
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(page.url))
    headers = {
        "Host": urlsplit(page.url).netloc,
        "Origin": origin,
        "Sec-Fetch-Site": "same-origin",
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": "; ".join(f"{name}={value}" for name, value in visitor.jar["auth.localhost"].items()),
    }
    with closing(WebConnection(Path(stage.decision_socket).with_name("web.sock"))) as connection:
        connection.request("POST", "/logout", urlencode({"csrf": page.field("csrf")}), headers)
        return connection.getresponse().status


def of_each_worker(stage: Stage, visitor: Visitor) -> list[set[int]]:
    """What each says to the visitor's requests, while the others are stopped."""
    served = {line["pid"] for line in stage.logged() if line["event"] == "worker serves"}
    workers = [pid for pid in served if Path(f"/proc/{pid}").exists()]
    return [_alone(stage, visitor, [pid for pid in workers if pid != one]) for one in workers]


def _alone(stage: Stage, visitor: Visitor, others: list[int]) -> set[int]:
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        return settled(stage, visitor.jar)
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


def wait_until_forgotten(redis: Redis, key: str) -> float:
    """Seconds."""
    began = time.monotonic()
    while redis.exists(key):
        assert time.monotonic() < began + PATIENCE_S
        time.sleep(0.05)
    return time.monotonic() - began


@pytest.mark.skipif(not EXHAUSTIVE, reason="waits for more than a minute: EXHAUSTIVE=1 pytest --timeout 900")
def test_a_worker_that_was_stopped_before_its_fill_until_the_logout_is_forgotten_lets_nobody_in(
    relayed: Relayed, stopper: Stopper
) -> None:
    stage = relayed.stage
    visitor = stage.signed_in()
    page, cookie = visitor.visit(stage.auth + "/logout"), visitor.jar["app.localhost"]["__Host-bastion"]
    key = stopper.key = login_key(*cookie.split(".")[1:3])
    with Redis.from_url(stage.valkey.url) as redis:
        assert redis.delete(key) == 1  # so that it is read from Postgres
        with asked(stage.decision_socket, question(cookie), within_s=20) as channel:
            assert stopper.stopped.wait(20)
            assert log_out(stage, visitor, page) == 200
            assert redis.get(key) == b"X"
            waited_s = wait_until_forgotten(redis, key)
            filled, record = stopper.let_pass(), redis.get(key)
            stopper.go_on()
            answer = channel.recv(65_536)

    assert waited_s > REMEMBERED_S - 5
    assert filled == b"$2\r\n-0\r\n", "the login is refused; the person was not asked for"
    assert record is None
    assert not answer.startswith(b"HTTP/1.1 200")
    assert of_each_worker(stage, visitor) == [{401}, {401}]
