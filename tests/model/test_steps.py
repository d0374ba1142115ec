"""Each single step of each act: without it, and with all else as it is, a promise breaks (docs/consistency.md)."""

import re
from pathlib import Path
from typing import Final

import pytest

from tests.exhaustive import EXHAUSTIVE, sampled
from tests.model import promise
from tests.model.acts import PROGRAMS, Program, without
from tests.model.explore import explore
from tests.model.functions import ENDED, Record
from tests.model.mechanisms import ALL, Mechanisms
from tests.model.scenarios import SCENARIOS, told
from tests.model.state import State

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "consistency.md"
_NO_POSTGRES: Final = "a logout without Postgres, memory full"
_LOST: Final = "a logout without Postgres, and Redis emptied"
_REPLACED: Final = "a login in the place of another's"
_TWO: Final = "the end of two logins, one fault"
_ONE: Final = "the end of one of two logins"
_NEW: Final = "a new password, and a login with it"
_BACK: Final = "a person disabled and enabled again"

# The act and the place of the step in it -> which promise breaks, and the smallest scenario where it does.
WITHOUT: Final[dict[tuple[str, int], tuple[str, str]]] = {
    ("login", 0): ("S4", "a login and its logout"),
    ("rotation", 0): ("S2", "a rotation and a logout, one fault"),
    ("rotation", 1): ("S2", "a rotation and a logout"),
    ("replacement", 0): ("S1", _REPLACED),
    ("replacement", 1): ("S1", _REPLACED),
    ("handoff", 0): ("S6", "a hand-off, one fault"),
    ("handoff", 1): ("S2", "a hand-off, one fault"),
    ("handoff", 2): ("S6", "a hand-off, one fault"),
    ("logout", 0): ("S1", "a login and its logout"),
    ("logout", 1): ("S1", "a logout, one fault"),
    ("logout", 3): ("S1", _NO_POSTGRES),
    ("logout", 4): ("S7", _NO_POSTGRES),
    ("logout, lost", 0): ("S1", _LOST),
    ("logout, lost", 1): ("S1", _LOST),
    ("logout, lost", 3): ("S1", _LOST),
    ("logout, lost", 4): ("S7", _LOST),
    ("completion", 0): ("S7", _LOST),
    ("completion", 1): ("S1", _LOST),
    ("end all", 0): ("S1", _TWO),
    ("end all", 1): ("S1", _TWO),
    ("end all", 2): ("S1", _TWO),
    ("end one", 0): ("S1", _ONE),
    ("end one", 1): ("S1", _ONE),
    ("end others", 0): ("S1", _ONE),
    ("end others", 1): ("S1", _ONE),
    ("password", 0): ("S1", _NEW),
    ("password", 1): ("S1", _NEW),
    ("password", 2): ("S1", _NEW),
    ("password", 3): ("S2", "groups, a new password, and a login with it"),
    ("disable", 0): ("S1", _BACK),
    ("disable", 1): ("S1", _BACK),
    ("disable", 2): ("S1", _BACK),
    ("disable", 3): ("S2", f"groups, and {_BACK}"),
    ("enable", 0): ("S4", _BACK),
    ("enable", 1): ("S1", _BACK),
    ("enable", 2): ("S1", _BACK),
    ("enable", 3): ("S2", f"groups, and {_BACK}"),
    ("later login", 0): ("S4", _NEW),
    ("groups", 0): ("S2", "groups and a disabled person"),
    ("groups", 1): ("S2", "groups, a new password, and a login with it"),
}
# A new login and a new secret end in the same line. It is the secret that needs it: of a login whose token nobody has
# been told there is no record that could be stale.
CHANGE_NOTHING: Final = (("login", 1), ("later login", 1))


@pytest.mark.parametrize(("act", "at"), sampled(WITHOUT, 4))
def test_each_step_carries_weight(act: str, at: int) -> None:
    breaks, smallest = WITHOUT[act, at]

    found = {name: explore(SCENARIOS[name][0], ALL, breaks, without(act, at)) for name in _looked_at(act, smallest)}

    broken = {name: one.states for name, one in found.items() if one.broken}
    assert broken, f"nothing of {breaks} breaks without {PROGRAMS[act][at].stands_for}"
    assert min(broken, key=lambda name: broken[name]) == smallest


@pytest.mark.parametrize(("act", "at"), CHANGE_NOTHING)
def test_a_new_login_has_no_record_that_could_be_stale(act: str, at: int) -> None:
    """Stronger than that nothing breaks without the step: it never does anything."""
    nearest = {"login": "a login while its person is disabled", "later login": _NEW}[act]
    found_there = set[Record | None]()

    for name in _looked_at(act, nearest):
        found = explore(SCENARIOS[name][0], ALL, "", _watched(act, at, found_there))
        assert found.broken is None, told(found)

    assert None in found_there
    assert found_there <= {None, ENDED}, "an end, which stays"


def test_the_steps_of_a_disabling_are_each_others_spare_until_the_person_is_enabled() -> None:
    """What `holds_the_password` is to a refill: either of them keeps S1, but for somebody who comes back."""
    scenario = SCENARIOS["a login while its person is disabled"][0]
    ends_login, marks_person = 1, 3

    without_one = [explore(scenario, ALL, "", without("disable", at)) for at in (ends_login, marks_person)]
    without_both = explore(scenario, ALL, "S1", without("disable", ends_login, marks_person))

    assert [found.broken for found in without_one] == [None, None]
    assert without_both.broken


def test_every_step_is_taken_away_somewhere() -> None:
    """An answer is no step towards a promise: it is what makes it."""
    every = {(act, at) for act, program in PROGRAMS.items() for at in _before_answers(program)}

    assert {*WITHOUT, *CHANGE_NOTHING} == every
    assert len(WITHOUT) + len(CHANGE_NOTHING) == len(every)
    for program in PROGRAMS.values():
        assert program[-1].kind == "answer"


@pytest.mark.parametrize("act", PROGRAMS)
def test_the_page_says_what_each_step_is_for(act: str) -> None:
    row = re.search(rf"^\| {act} \| (.*?) \| .+ \|$", PAGE.read_text(), re.MULTILINE)

    assert row
    assert row[1] == ", ".join(dict.fromkeys(_told(act, at) for at in _before_answers(PROGRAMS[act])))


def test_the_page_has_every_promise() -> None:
    promises = re.findall(r"^(S\d) ", promise.__doc__ or "", re.MULTILINE)

    assert re.findall(r"^\| (S\d) \|", PAGE.read_text(), re.MULTILINE) == promises
    assert {broken for broken, _ in WITHOUT.values()} <= {*promises}


def _looked_at(act: str, smallest: str) -> list[str]:
    """EXHAUSTIVE: wherever the act is, so that the table can't be right by luck."""
    return [name for name, (scenario, _) in SCENARIOS.items() if act in scenario.acts] if EXHAUSTIVE else [smallest]


def _watched(act: str, at: int, found_there: set[Record | None]) -> dict[str, Program]:
    step, login = PROGRAMS[act][at], {"login": 0, "later login": 2}[act]

    def does(state: State, has: Mechanisms) -> State | None:
        found_there.add(state.slot.l[login])
        return step.does(state, has)

    watched = list(PROGRAMS[act])
    watched[at] = step._replace(does=does)
    return {**PROGRAMS, act: tuple(watched)}


def _before_answers(program: Program) -> list[int]:
    return [at for at, step in enumerate(program) if step.kind != "answer"]


def _told(act: str, at: int) -> str:
    step = PROGRAMS[act][at].stands_for.rpartition(".")[2]
    return f"`{step}` {WITHOUT[act, at][0] if (act, at) in WITHOUT else 'nothing'}"
