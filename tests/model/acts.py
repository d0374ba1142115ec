"""What changes something: each act as the steps of the flow that it stands for. Between two steps anything may happen,
also nothing ever again: a crash is an act that is not gone on with.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from tests.model import functions
from tests.model.functions import Record, is_live, put
from tests.model.mechanisms import Mechanisms
from tests.model.state import DONE, EVERY, OF_LOGIN, Act, K, N, P, R, State

Does = Callable[[State, Mechanisms], State | None]


class Step(NamedTuple):
    """does: None where the act is refused. kind: commit, redis, answer; without Postgres a commit ends the act."""

    stands_for: str
    kind: str
    does: Does


Program = tuple[Step, ...]


def _written(state: State, **changed: object) -> State:
    return state._replace(postgres=state.postgres._replace(**changed))  # type: ignore[arg-type]  # fields of Postgres


def _said(state: State, **changed: object) -> State:
    return state._replace(promised=state.promised._replace(**changed))  # type: ignore[arg-type]  # fields of Promised


def _with(state: State, login: int, credentials: int) -> State:
    logins = state.postgres.logins
    return _written(state, logins=(*logins[:login], credentials, *logins[login + 1 :]))


def _create(state: State, has: Mechanisms) -> State | None:
    """After the password was compared with the one that is stored at the start."""
    held = state.postgres.active and not state.postgres.changed
    return _with(state, 0, P) if held or not has.holds_the_password else None


def _create_later(state: State, _has: Mechanisms) -> State | None:
    return _with(state, 2, R) if state.postgres.active else None


def _put(state: State, _has: Mechanisms) -> State | None:
    """What login must not do: the record that it would make of what it read before its commit."""
    slot = state.slot
    if slot.l[0] is not None and slot.l[0].form == "X":
        return state
    u = slot.u if is_live(slot.u, state.inc) else Record("L", state.inc, 0, 0)
    return state._replace(slot=slot._replace(u=u, l=put(slot.l, 0, Record("L", state.inc, 0, P))))


def _add(state: State, _has: Mechanisms) -> State | None:
    standing = state.postgres.logins[0]
    return _with(state, 0, standing | K) if standing and state.postgres.active else None


def _rotate(state: State, _has: Mechanisms) -> State | None:
    """The 20 s in which the old secret still passes are over at once (threats.md R12)."""
    standing = state.postgres.logins[0]
    return _with(state, 0, standing & ~P | N) if standing & P and state.postgres.active else None


def _end_all(state: State, _has: Mechanisms) -> State | None:
    return _written(state, logins=tuple(0 for _ in state.postgres.logins))


def _end_others(state: State, _has: Mechanisms) -> State | None:
    return _written(state, logins=(state.postgres.logins[0], *(0 for _ in state.postgres.logins[1:])))


def _set_password(state: State, has: Mechanisms) -> State | None:
    ended = _end_all(state, has)
    return ended and _written(ended, changed=True)


def _disable(state: State, has: Mechanisms) -> State | None:
    ended = _end_all(state, has)
    return ended and _written(ended, active=False)


def _finish(login: int) -> Does:
    return lambda state, _has: state._replace(slot=functions.finish(state.slot, login))


def _finish_ended(login: int) -> Does:
    """Of those that Logins.list_ended names."""

    def does(state: State, _has: Mechanisms) -> State | None:
        if len(state.slot.l) <= login or state.postgres.logins[login]:
            return state
        return state._replace(slot=functions.finish(state.slot, login))

    return does


def _answer(*, gone: int = 0, born: int = 0, replaced: int = 0, groups: int = 0) -> Does:
    def does(state: State, _has: Mechanisms) -> State | None:
        said = state.promised
        return _said(
            state,
            gone=said.gone | gone,
            born=said.born | born,
            replaced=said.replaced | replaced,
            groups=max(said.groups, groups),
        )

    return does


def _answer_marked(state: State, _has: Mechanisms) -> State | None:
    """Where Redis may lose the marker before the journal is in Postgres, no more is promised than until then."""
    return state if state.lost else _said(state, marked=OF_LOGIN[0])


def _answer_completed(state: State, has: Mechanisms) -> State | None:
    return _answer(gone=OF_LOGIN[0])(_said(state, journal=False, marked=0), has)


def _answer_enabled(state: State, has: Mechanisms) -> State | None:
    """Logins that ended stay ended."""
    return _answer(gone=EVERY)(_said(state, enabled=True), has)


def _deny(state: State, has: Mechanisms) -> State | None:
    slot = functions.deny(state.slot, 0) if has.marker_lasts else functions.finish(state.slot, 0)
    return _said(state._replace(slot=slot), denied=True)


def _stale_login(login: int) -> Does:
    return lambda state, has: state._replace(slot=functions.stale_login(state.slot, login, has))


def _stale_person(state: State, has: Mechanisms) -> State | None:
    return state._replace(slot=functions.stale_person(state.slot, has))


def _offer(state: State, _has: Mechanisms) -> State | None:
    return state._replace(slot=functions.offer(state.slot, state.inc))


_REDIS: Final = "gateway.stores.redis.revocations.Revocations"
_STALE_LOGIN: Final = Step(f"{_REDIS}.stale_login", "redis", _stale_login(0))
_STALE_PERSON: Final = Step(f"{_REDIS}.stale_person", "redis", _stale_person)
_OFFER: Final = Step(f"{_REDIS}.offer", "redis", _offer)
_FINISH: Final = Step(f"{_REDIS}.end", "redis", _finish(0))
_FINISH_ENDED: Final = tuple(Step(f"{_REDIS}.end", "redis", _finish_ended(login)) for login in (0, 1))
_USERS: Final = "gateway.flows.people.users.UserAdmin"


def _followed(act: str, answer: Does) -> Program:
    return (*_FINISH_ENDED, _STALE_PERSON, Step(f"{_USERS}.{act}", "answer", answer))


_LOGOUT: Final = (
    Step("gateway.flows.people.logout.Logout._record", "commit", lambda s, _has: _with(s, 0, 0)),
    _FINISH,
    Step("gateway.flows.people.logout.Logout.end", "answer", _answer(gone=OF_LOGIN[0])),
)
_WITHOUT_POSTGRES: Final = (
    Step(f"{_REDIS}.deny_until", "redis", _deny),
    Step("gateway.stores.files.journal.Journal.append", "redis", lambda s, _has: _said(s, journal=True)),
)
_DENIED_AT: Final = len(_LOGOUT)

PROGRAMS: Final[dict[str, Program]] = {
    "login": (
        Step("gateway.flows.people.issuing.Issuing._create", "commit", _create),
        _STALE_LOGIN,
        Step("gateway.flows.people.login.Login.attempt", "answer", _answer(born=P)),
    ),
    "rotation": (
        Step("gateway.flows.people.issuing.Issuing.renew", "commit", _rotate),
        _STALE_LOGIN,
        Step("gateway.flows.people.login.Login.attempt", "answer", _answer(replaced=P, born=N)),
    ),
    # By somebody else, in the same browser: their own records lie in another slot.
    "replacement": (
        Step("gateway.flows.people.issuing.Issuing.sign_in", "commit", lambda s, _has: _with(s, 0, 0)),
        _FINISH,
        Step("gateway.flows.people.login.Login.attempt", "answer", _answer(gone=OF_LOGIN[0])),
    ),
    "handoff": (
        Step("gateway.flows.people.handoff.Handoff._insert", "commit", _add),
        _STALE_LOGIN,
        _OFFER,
        Step("gateway.flows.people.handoff.Handoff.pass_on", "answer", _answer(born=K)),
    ),
    "logout": (*_LOGOUT, *_WITHOUT_POSTGRES, _LOGOUT[-1]),
    "logout, lost": (
        *_LOGOUT,
        *_WITHOUT_POSTGRES,
        Step("gateway.flows.people.logout.Logout.end", "answer", _answer_marked),
    ),
    "completion": (
        Step("gateway.flows.people.logout.Logout._record", "commit", lambda s, _has: _with(s, 0, 0)),
        _FINISH,
        Step("gateway.flows.people.logout.Logout.complete", "answer", _answer_completed),
    ),
    "end all": (
        Step("gateway.flows.people.account.Account._end_all", "commit", _end_all),
        *_FINISH_ENDED,
        Step("gateway.flows.people.account.Account.end_all", "answer", _answer(gone=EVERY)),
    ),
    "end one": (
        Step("gateway.flows.people.account.Account.end_one", "commit", lambda s, _has: _with(s, 1, 0)),
        Step(f"{_REDIS}.end", "redis", _finish(1)),
        Step("gateway.flows.people.account.Account.end_one", "answer", _answer(gone=OF_LOGIN[1])),
    ),
    "end others": (
        Step("gateway.flows.people.account.Account._end_all", "commit", _end_others),
        _FINISH_ENDED[1],
        Step("gateway.flows.people.account.Account.end_others", "answer", _answer(gone=OF_LOGIN[1])),
    ),
    "password": (
        Step(f"{_USERS}.set_password", "commit", _set_password),
        *_followed("set_password", _answer(gone=EVERY)),
    ),
    "disable": (
        Step(f"{_USERS}.disable", "commit", _disable),
        *_followed("disable", _answer(gone=EVERY)),
    ),
    "enable": (
        Step(f"{_USERS}.enable", "commit", lambda s, _has: _written(s, active=True)),
        *_followed("enable", _answer_enabled),
    ),
    "later login": (
        Step("gateway.flows.people.issuing.Issuing._create", "commit", _create_later),
        Step(f"{_REDIS}.stale_login", "redis", _stale_login(2)),
        Step("gateway.flows.people.login.Login.attempt", "answer", _answer(born=R)),
    ),
    "groups": (
        Step(f"{_USERS}._regroup", "commit", lambda s, _has: _written(s, groups=1)),
        _STALE_PERSON,
        Step(f"{_USERS}.change_groups", "answer", _answer(groups=1)),
    ),
}
_PUT: Final = Step("puts the record itself", "redis", _put)
_MAY_BE_REPEATED: Final = ("logout", "end one", "end others", "end all", "password", "disable", "groups")
# By whatever was committed of the person before, as UserAdmin._follow says.
_FOLLOWED: Final = ("password", "disable", "enable")


def _nothing(state: State, _has: Mechanisms) -> State | None:
    return state


def without(act: str, *taken_away: int) -> dict[str, Program]:
    """As the flows would be if these steps of one act did nothing."""
    kept = (step._replace(does=_nothing) if at in taken_away else step for at, step in enumerate(PROGRAMS[act]))
    return {**PROGRAMS, act: tuple(kept)}


def programs(has: Mechanisms) -> dict[str, Program]:
    """As the flows would be without what is taken away."""
    made = dict(PROGRAMS)
    for name, marks in (
        ("rotation", has.rotation_marks_stale),
        ("handoff", has.handoff_marks_stale),
        ("groups", has.groups_mark_stale),
    ):
        if not marks:
            made[name] = tuple(step for step in made[name] if step not in (_STALE_LOGIN, _STALE_PERSON))
    if not has.completion_ends_in_redis:
        made["completion"] = tuple(step for step in made["completion"] if step is not _FINISH)
    if not has.only_refill_writes:
        made["login"] = tuple(_PUT if step is _STALE_LOGIN else step for step in made["login"])
    commit, redis, answer = _LOGOUT
    if not has.commit_before_redis:
        made["logout"] = (redis, commit, answer, *made["logout"][_DENIED_AT:])
    if not has.redis_before_answer:
        made["logout"] = (commit, answer, redis, *made["logout"][_DENIED_AT:])
    return made


def steps(
    state: State, has: Mechanisms, written: dict[str, Program], *, crash: bool, in_doubt: bool
) -> Iterator[tuple[str, State]]:
    for at, act in enumerate(state.acts):
        if act.step == DONE or not _may_begin(act, state):
            continue
        if crash and act.step and not act.again and act.name in _MAY_BE_REPEATED:
            yield f"{act.name}: crashes and is begun anew", _now(state, at, Act(act.name, 0, again=True))
        for label, after, new in _act_steps(state, act, has, written[act.name]):
            yield label, _now(after, at, new)
        if in_doubt and state.faults and act.name.startswith("logout") and act.step == 0 and state.postgres.up:
            gone = _written(_with(state, 0, 0), up=False)._replace(faults=state.faults - 1)
            label = f"{act.name}: commits, and Postgres goes before it can say so"
            yield label, _now(gone, at, act._replace(step=_DENIED_AT))


def _now(state: State, at: int, act: Act) -> State:
    return state._replace(acts=(*state.acts[:at], act, *state.acts[at + 1 :]))


def _may_begin(act: Act, state: State) -> bool:
    if act.name == "completion":
        return state.promised.journal and state.postgres.up
    if act.name == "enable":  # a disabling that comes after it is no part of the model, nor one that is begun anew
        return bool(act.step) or not state.postgres.active
    if act.name == "later login":
        return any(one.name in ("enable", "password") and one.step for one in state.acts)
    return bool(act.step or state.promised.born or act.name in ("login", "password", "disable", "groups"))


def _act_steps(state: State, act: Act, has: Mechanisms, program: Program) -> Iterator[tuple[str, State, Act]]:
    step = program[act.step]
    label = f"{act.name}: {step.stands_for}"
    if step.kind == "commit" and not state.postgres.up:
        denied = act.name.startswith("logout")
        yield f"{label} fails", state, act._replace(step=_DENIED_AT if denied else DONE)
        return
    after = step.does(state, has)
    if after is None:
        yield f"{label} refuses", state, act._replace(step=DONE)
        return
    if step.kind == "commit" and act.name in _FOLLOWED:
        act = act._replace(groups=after.postgres.groups)
    if step.kind == "answer" and act.groups > after.promised.groups:
        after = _said(after, groups=act.groups)
    following = act.step + 1
    if step.kind == "commit" and act.again and after == state and not has.retry_does_redis_again:
        following = next(at for at, one in enumerate(program) if one.kind == "answer")
    main_path_ends = act.name.startswith("logout") and following == _DENIED_AT and act.step < _DENIED_AT
    over = following == len(program) or main_path_ends
    yield label, after, Act(act.name, DONE, act.again) if over else act._replace(step=following)
