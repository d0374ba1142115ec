"""Caddy asks again where an answer was lost: claims are honoured and budgets paid for once, no less (threats.md R4)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.faults.conftest import TIGHT, Relayed
from tests.faults.relay import Cut, Passing
from tests.staging import NAVIGATION, Seen, Stage, Visitor, forget_limits

HANDOFFS = 20
LOST = 10  # of claims and of others, at least
_ID = re.compile(rb"X-Request-Id: (\S+)", re.IGNORECASE)


@dataclass
class LossyLine:
    """Loses the answer of every claim of a hand-off and of other decisions one in so many, once each.

    Only where the connection has been used before: Go's transport asks again on no other. claims and others: the ids of
    what it lost. again: those that it saw a second time.
    """

    one_in: int = 3
    decisions: int = 0
    claims: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    losing: bool = False

    async def judge(self, passing: Passing) -> bytes:
        if not passing.answer:
            found = _ID.search(passing.words)
            assert found is not None
            self._note(found[1].decode(), claims=b"/.bastion/callback" in passing.words, reused=not passing.first)
            return passing.words
        if self.losing:
            self.losing = False
            raise Cut
        return passing.words

    def _note(self, request_id: str, *, claims: bool, reused: bool) -> None:
        """One at a time: the visitor waits for each answer."""
        if request_id in self.claims + self.others:
            self.again.append(request_id)
            return
        self.decisions += not claims
        if reused and (claims or self.decisions % self.one_in == 0):
            self.losing = True
            (self.claims if claims else self.others).append(request_id)


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
    stage, honest = relayed.stage, 0
    visitor = stage.signed_in()
    for _ in range(HANDOFFS):
        lost_before = len(lossy.claims)
        callback, cookies, claimed = hand_off(stage, visitor)
        honest += len(lossy.claims) - lost_before
        session = visitor.jar["app.localhost"].get("__Host-bastion", "")
        inside = visitor.fetch(stage.app + "/api/x")
        thief = Visitor(visitor.ca_file, {"app.localhost": cookies})
        thief.send("GET", callback, NAVIGATION)

        assert claimed.status in (302, 303), claimed.text
        assert session
        assert inside.status == 200
        assert "__Host-bastion-way" in cookies
        assert "__Host-bastion" not in thief.jar["app.localhost"], "a replay, with all that the browser had"

    assert honest >= LOST
    assert len(lossy.others) >= LOST
    assert set(lossy.again) == {*lossy.claims, *lossy.others}, "each was asked again, and with the same id"


@pytest.mark.parametrize("per", TIGHT)
def test_a_budget_of_two_lets_two_through_and_no_third_when_each_answer_is_lost(
    relayed: Relayed, lossy: LossyLine, per: str
) -> None:
    stage = relayed.stage
    forget_limits(stage)
    visitor = stage.signed_in()
    assert visitor.fetch(stage.app + "/api/x").status == 200
    lossy.one_in = 1
    lossy.others.clear()
    lossy.again.clear()

    statuses = [visitor.fetch(f"{stage.app}/tight/{per}/x").status for _ in range(3)]

    assert statuses == [200, 200, 429]
    assert lossy.again == lossy.others
    assert len(lossy.others) == len(statuses), "each was lost once"
