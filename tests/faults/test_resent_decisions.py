"""Caddy asks again where an answer was lost: an honest claim is honoured, and a replay is not (threats.md R4)."""

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.faults.conftest import Relayed
from tests.faults.relay import Cut, Passing
from tests.staging import NAVIGATION, Seen, Stage, Visitor

HANDOFFS = 30
_ID = re.compile(rb"X-Request-Id: (\S+)", re.IGNORECASE)


@dataclass
class LossyLine:
    """Loses the answer of every tenth decision, and of every claim of a hand-off, once each.

    Only where the connection has been used before: Go's transport asks again on no other.
    """

    decisions: int = 0
    lost: list[str] = field(default_factory=list)
    asked: dict[int, tuple[str, bool]] = field(default_factory=dict)
    again: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    losing: str = ""

    async def judge(self, passing: Passing) -> bytes:
        if not passing.answer:
            found = _ID.search(passing.words)
            assert found is not None
            self._note(found[1].decode(), claims=b"/.bastion/callback" in passing.words, reused=not passing.first)
            return passing.words
        if self.losing:
            self.losing = ""
            raise Cut
        return passing.words

    def _note(self, request_id: str, *, claims: bool, reused: bool) -> None:
        """One at a time: the visitor waits for each answer."""
        if request_id in self.lost:
            self.again.append(request_id)
            return
        self.decisions += 1
        if reused and (claims or self.decisions % 10 == 0):
            self.losing = request_id
            self.lost.append(request_id)


@pytest.fixture
def lossy(relayed: Relayed) -> Iterator[LossyLine]:
    line = LossyLine()
    before, relayed.decisions.judge = relayed.decisions.judge, line.judge
    yield line
    relayed.decisions.judge = before


def hand_off(stage: Stage, visitor: Visitor) -> tuple[str, dict[str, str], Seen]:
    """The address of the callback, the cookies that it was claimed with, and what came of it."""
    visitor.jar["app.localhost"] = {}
    start = visitor.send("GET", stage.app + "/", NAVIGATION)
    passed_on = visitor.send("GET", start.headers["Location"], NAVIGATION)
    callback = passed_on.headers["Location"]
    cookies = dict(visitor.jar["app.localhost"])
    return callback, cookies, visitor.send("GET", callback, NAVIGATION)


def test_no_honest_hand_off_is_refused_and_no_replay_passes_when_answers_are_lost(
    relayed: Relayed, lossy: LossyLine
) -> None:
    stage = relayed.stage
    visitor = stage.signed_in()
    for _ in range(HANDOFFS):
        callback, cookies, claimed = hand_off(stage, visitor)
        session = visitor.jar["app.localhost"].get("__Host-bastion", "")
        inside = visitor.fetch(stage.app + "/api/x")
        thief = Visitor(visitor.ca_file, {"app.localhost": cookies})
        thief.send("GET", callback, NAVIGATION)

        assert claimed.status in (302, 303), claimed.text
        assert session
        assert inside.status == 200
        assert "__Host-bastion-way" in cookies
        assert "__Host-bastion" not in thief.jar["app.localhost"], "a replay, with all that the browser had"

    assert len(lossy.lost) >= HANDOFFS
    assert set(lossy.again) == set(lossy.lost), "each was asked again, and with the same id"
