"""A waiting room that one caller can't fill for the others."""

from collections import Counter
from dataclasses import dataclass, field
from operator import itemgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.login.turns import Turns

PLACES = 5
Item = tuple[str, int]  # caller, and which of all that came
JOIN, TAKE, LEAVE = "join", "take", "leave"
ACTS = st.lists(
    st.tuples(
        st.sampled_from([JOIN, JOIN, JOIN, TAKE, TAKE, LEAVE]), st.sampled_from("aaabbcdefgh"), st.integers(0, 9)
    ),
    max_size=120,
)


@dataclass
class Room:
    """Turns, and what a simple-minded watcher at its door has seen. waiting: in the order in which they came."""

    turns: Turns[Item] = field(default_factory=lambda: Turns(PLACES))
    waiting: dict[Item, int] = field(default_factory=dict)
    served: list[Item] = field(default_factory=list)
    late: list[Item] = field(default_factory=list)
    came: int = 0

    def of(self, caller: str) -> list[Item]:
        return [item for item in self.waiting if item[0] == caller]

    def callers(self) -> set[str]:
        return {caller for caller, _ in self.waiting}

    def join(self, caller: str) -> tuple[Item, Item | None]:
        self.came += 1
        item = (caller, self.came)
        self.waiting[item] = len(self.served)
        pushed_out = self.turns.join(caller, item)
        if pushed_out is not None:
            del self.waiting[pushed_out]
        return item, pushed_out

    def take(self) -> None:
        turn = self.turns.take()
        for gone in (turn.item, *turn.late):
            del self.waiting[gone]
        self.served.append(turn.item)
        self.late += turn.late

    def leave(self, place: int) -> None:
        item = list(self.waiting)[place % len(self.waiting)]
        del self.waiting[item]
        self.turns.leave(item[0], item)

    def act(self, act: str, caller: str, place: int) -> None:
        if act == JOIN:
            self.join(caller)
        elif self.waiting and act == TAKE:
            self.take()
        elif self.waiting:
            self.leave(place)


@given(ACTS)
def test_whoever_came_waits_was_served_or_has_gone_and_the_room_has_its_size(acts: list[tuple[str, str, int]]) -> None:
    room = Room()
    for act in acts:
        room.act(*act)
        assert len(room.turns) == len(room.waiting) <= PLACES

    while room.waiting:
        room.take()
    assert len(room.turns) == 0
    with pytest.raises(IndexError):
        room.turns.take()


@given(ACTS)
def test_a_caller_is_served_in_the_order_in_which_it_came(acts: list[tuple[str, str, int]]) -> None:
    room = Room()
    for act in acts:
        room.act(*act)

    for caller in "abcdefgh":
        mine = [number for name, number in room.served if name == caller]
        assert mine == sorted(mine)


@given(ACTS)
def test_between_two_turns_of_a_caller_every_other_one_that_waits_has_one(acts: list[tuple[str, str, int]]) -> None:
    room, all_along, since = Room(), dict[str, set[str]](), dict[str, Counter[str]]()
    for act in acts:
        before = len(room.served)
        room.act(*act)
        if len(room.served) > before:
            caller = room.served[-1][0]
            for others in since.values():
                others[caller] += 1
            if caller in all_along:
                assert all(since[caller][other] == 1 for other in all_along[caller] - {caller})
            all_along[caller], since[caller] = room.callers(), Counter()
        # Only of who never ceased to wait can it be said.
        there = room.callers()
        all_along = {caller: others & there for caller, others in all_along.items() if caller in there}


@given(ACTS)
def test_a_full_room_turns_away_the_newest_of_who_has_most(acts: list[tuple[str, str, int]]) -> None:
    room = Room()
    for act, caller, place in acts:
        if act != JOIN:
            room.act(act, caller, place)
            continue
        held, full = Counter(name for name, _ in room.waiting), len(room.waiting) == PLACES
        newest = {name: room.of(name)[-1] for name in room.callers()}
        item, pushed_out = room.join(caller)
        assert (pushed_out is not None) == full
        if pushed_out is None:
            continue
        held[caller] += 1
        newest[caller] = item
        most = max(held.values())
        assert pushed_out == max((one for name, one in newest.items() if held[name] == most), key=itemgetter(1))
        assert pushed_out == item or held[caller] < most


@given(ACTS)
def test_nobody_waits_for_more_turns_than_there_are_places(acts: list[tuple[str, str, int]]) -> None:
    room = Room()
    for act in acts:
        room.act(*act)
        assert all(len(room.served) - since < PLACES for since in room.waiting.values())


@given(ACTS)
def test_the_only_one_of_its_caller_is_never_late(acts: list[tuple[str, str, int]]) -> None:
    room, alone = Room(), set[Item]()
    for act, caller, place in acts:
        if act == JOIN and not room.of(caller):
            alone.add(room.join(caller)[0])
        else:
            room.act(act, caller, place)

    assert not alone & set(room.late)


def test_who_waits_for_too_long_behind_its_own_is_told_so() -> None:
    """One caller has all places but one, and always somebody new comes besides."""
    room = Room()
    for _ in range(PLACES - 1):
        room.join("a")
    for caller in "bcdef":
        room.join(caller)
        room.take()

    assert [caller for caller, _ in room.served] == ["a", "b", "a", "c", "d"]
    assert room.late == [("a", 3), ("a", 4)]


def test_in_a_full_room_of_equals_it_is_who_comes_that_has_to_go() -> None:
    room = Room()
    for caller in "abcde":
        assert room.join(caller)[1] is None

    newcomer, pushed_out = room.join("f")

    assert pushed_out == newcomer


def test_thirty_guesses_in_the_room_cost_the_others_one_turn() -> None:
    turns: Turns[str] = Turns(32)
    for number in range(32):
        assert turns.join("guesser", f"guess {number}") is None

    assert turns.join("newcomer", "hello") == "guess 31"
    assert turns.join("known device", "hello again") == "guess 30"

    assert [turns.take().item for _ in range(4)] == ["guess 0", "hello", "hello again", "guess 1"]
