"""Kills a worker or a command at a message of an act, and asks what holds afterwards."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import pytest

from tests.faults.conftest import Relayed
from tests.journeys.test_faults import question
from tests.staging import Stage, Visitor, forget_limits

Jar: TypeAlias = dict[str, dict[str, str]]
MOST = 3_000  # messages of one act; those of what goes on beside it count too
ASKED = 6  # of both workers
NOBODY = -1  # no process has this id


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

    def of_command(self, moment: int, *arguments: str) -> int:
        """Kills a command of the operator at one of its own messages; what it returned."""
        reaper = self.relayed.reaper
        argv = [sys.executable, "-m", "gateway", *arguments]
        reaper.killed, reaper.only, reaper.after = 0, NOBODY, moment
        try:
            with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                reaper.only = process.pid
                return process.wait(60)
        finally:
            reaper.after, reaper.only = None, None


def until(done: Callable[[], bool]) -> None:
    """Again and again, as a person does whose browser shows an error."""
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def settled(stage: Stage, jar: Jar) -> set[int]:
    """What Caddy is told about requests with these cookies on the first host, when no worker is missing any more."""
    return settled_on(stage, question(jar["app.localhost"].get("__Host-bastion", "")))


def settled_on(stage: Stage, words: bytes) -> set[int]:
    """The same, of what these words ask."""
    forget_limits(stage)
    answers = list[set[int]]()

    def is_settled() -> bool:
        answers.append(_decided(stage.decision_socket, words))
        return not {502, 503} & answers[-1]

    until(is_settled)
    return answers[-1]


def _decided(path: str, words: bytes) -> set[int]:
    """On connections of their own."""
    answers = set[int]()
    for _ in range(ASKED):
        with asked(path, words) as channel:
            answers.add(int(channel.recv(65_536)[9:12] or b"502"))
    return answers


@contextmanager
def asked(path: str, words: bytes, within_s: float = 10) -> Iterator[socket.socket]:
    """What Caddy asks, and what may be answered later."""
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(within_s)
        channel.connect(path)
        channel.sendall(words)
        yield channel


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
