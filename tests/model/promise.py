"""What is promised, looked at in every state that can be reached.

S1 After an answered logout, revocation or change of a password no node allows.
S2 After an answered change (hand-off, rotation, groups) no node serves the old state; nor, after somebody was disabled
   or enabled or given a new password, the state before a change of them that was committed earlier and never answered.
S3 A committed change whose answer never came is served by all nodes after one confirmation.
S4 Who was signed in, and whose login nobody ended, is not refused for good.
S5 A hand-off gives its session to one request.
S6 And to one it does give it, after its answer.
S7 What was ended, though without Postgres, Postgres has as ended once it is back.
"""

from typing import Final

from tests.model.functions import Asked, decide, is_live
from tests.model.mechanisms import Mechanisms
from tests.model.nodes import ALLOWED, settled
from tests.model.state import EVERY, OF_LOGIN, K, State, fresh_leases

# What each act may have ended as soon as it has begun.
_ENDS: Final = {
    **dict.fromkeys(("logout", "logout, lost", "completion", "replacement"), OF_LOGIN[0]),
    **dict.fromkeys(("end one", "end others"), OF_LOGIN[1]),
    **dict.fromkeys(("end all", "disable", "password"), EVERY),
}


def broken_by(label: str, state: State, has: Mechanisms) -> str | None:
    """What this step breaks at once."""
    if label.endswith(ALLOWED) and state.promised.gone & int(label.removesuffix(ALLOWED).rsplit(" ", 1)[1]):
        return "S1: allowed after the answer, by what was read before it"
    return _broken_by_forgetting(state) or broken_now(state, has)


def _broken_by_forgetting(state: State) -> str | None:
    """By Postgres, of what was answered."""
    if state.promised.enabled and not state.postgres.active:
        return "S4: the person was enabled, and is not active"
    standing = state.promised.born
    for act in state.acts:
        if act.step or act.again:
            standing &= ~_ENDS.get(act.name, 0)
    for login, credentials in enumerate(_valid(state)):
        if not credentials and standing & OF_LOGIN[login]:
            return f"S4: login {login} was answered, nobody ended it, and Postgres doesn't have it"
    return None


def broken_now(state: State, has: Mechanisms) -> str | None:
    """What some node answers in this state, and may not."""
    said, valid = state.promised, _valid(state)
    if said.claimed == (1 | 2):
        return "S5: two requests were given the session of one hand-off"
    for login, served in enumerate(_served(state, has)):
        if served & (said.gone | said.marked):
            return f"S1: login {login} is allowed after the answer"
        if served & said.replaced:
            return f"S2: login {login} is allowed by what was replaced"
        if served and state.slot.u is not None and state.slot.u.says < said.groups:
            return "S2: groups from before the answer are served"
        if served and said.born & valid[login] & ~served:
            return f"S2: login {login} is served as it was before the answer"
        record = state.slot.l[login]
        if record is not None and record.form == "X" and said.born & valid[login] and not said.denied:
            return f"S4: login {login} lives, and is refused"
    return _broken_by_zombie(state, has)


def _broken_by_zombie(state: State, has: Mechanisms) -> str | None:
    if state.zombie is None:
        return None
    for login, served in enumerate(_served(state._replace(slot=state.zombie), has)):
        if served & state.promised.gone:
            return f"S1: the old primary allows login {login} after the answer"
    return None


def broken_at_rest(state: State, has: Mechanisms) -> str | None:
    """What stays wrong if nothing but decisions happens from here on: all acts crashed, all refills hung."""
    postgres = state.postgres._replace(up=True)
    if state.promised.journal:
        postgres = postgres._replace(logins=(0, *postgres.logins[1:]))
    rest = settled(state._replace(postgres=postgres), has)
    said, valid = state.promised, _valid(rest)
    for login, served in enumerate(_served(rest, has)):
        if served & ~valid[login]:
            return f"S3: login {login} is allowed for good, though its end is committed"
        if served and rest.slot.u is not None and rest.slot.u.says != postgres.groups:
            return "S3: old groups are served for good"
        if said.born & valid[login] & ~served and not said.denied:
            return f"S4: login {login} lives, and is refused for good"
        if valid[login] & (said.gone | said.marked):
            return f"S7: login {login} was ended, and lives in Postgres for good"
    return _broken_by_claim(rest, has) or broken_now(rest, has)


def _broken_by_claim(rest: State, has: Mechanisms) -> str | None:
    """Where the code was not lost: another is fetched then."""
    said = rest.promised
    if not said.born & K or said.claimed or rest.lost or not _valid(rest)[0]:
        return None
    _, reply = decide(rest.slot, rest.inc, Asked(0, K, claim=1), fresh_leases(rest, 0), has)
    return None if reply.outcome == "L" else "S6: the code of an answered hand-off opens nothing"


def _valid(state: State) -> tuple[int, ...]:
    """The credentials that pass, by Postgres."""
    postgres = state.postgres
    return postgres.logins if postgres.active else tuple(0 for _ in postgres.logins)


def _served(state: State, has: Mechanisms) -> list[int]:
    slot = state.slot
    if not is_live(slot.u, state.inc, has):
        return [0 for _ in slot.l]
    return [record.says if record is not None and is_live(record, state.inc, has) else 0 for record in slot.l]
