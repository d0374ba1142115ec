"""The twin of bastion.lua for one person's slot, without bytes, deadlines and buckets; the names are the same.

What the clock says is an argument (`due`), and so are new lease tokens: the model tries both ways, and the test of
conformance has them from the real server.
"""

from typing import NamedTuple

from tests.model.mechanisms import ALL, Mechanisms


class Record(NamedTuple):
    """form: W wanted, L live, X ended, O a code on offer, T a code that was claimed.

    says: of a person the version of the groups; of a login its credentials, as bits; of a T who claimed it, code or
    proof; of an X 1 where it stays until Postgres has been told.
    """

    form: str
    stamp: int = 0
    lease: int = 0
    says: int = 0


class Slot(NamedTuple):
    """u: the person. l: their logins. c: the code of a hand-off. j: a DPoP proof."""

    u: Record | None
    l: tuple[Record | None, ...]  # noqa: E741 - it is l in the keys
    c: Record | None
    j: Record | None = None


class Leases(NamedTuple):
    """0: none."""

    person: int
    login: int


class Asked(NamedTuple):
    """login: its place in Slot.l. claim: who claims the code, 0 nobody. due: whether person and login are due.

    proof: who brings the proof, 0 nobody. stamp: what its nonce names. untimely: whether it is too old or too early.
    """

    login: int
    credential: int
    claim: int = 0
    due: tuple[bool, bool] = (False, False)
    proof: int = 0
    stamp: int = 0
    untimely: bool = False


class Reply(NamedTuple):
    """outcome as in core/principal/ask.py. person: what its record says, where the outcome is L."""

    outcome: str
    leases: Leases
    person: int


class Fill(NamedTuple):
    """credentials 0: the login has ended."""

    login: int
    leases: Leases
    person: int
    credentials: int


NO_LEASES = Leases(0, 0)
ENDED, LASTING = Record("X"), Record("X", says=1)


def is_live(record: Record | None, inc: int, has: Mechanisms = ALL) -> bool:
    return record is not None and record.form == "L" and (record.stamp == inc or not has.stamped_records)


def wanted(record: Record | None, inc: int, fresh: int, has: Mechanisms = ALL) -> Record:
    """The record with the running lease, or with a new one."""
    if record is not None and record.form == "W" and (record.stamp == inc or not has.stamped_leases):
        return record
    return Record("W", inc, fresh)


def holds(record: Record | None, token: int, inc: int, has: Mechanisms = ALL) -> bool:
    if record is not None and record.form == "X":
        return False
    if not has.fill_needs_the_lease:
        return not is_live(record, inc, has)
    stands = record is not None and record.lease == token
    return stands and (record is None or record.stamp == inc or not has.stamped_leases)


def decide(slot: Slot, inc: int, asked: Asked, fresh: Leases, has: Mechanisms = ALL) -> tuple[Slot, Reply]:
    u, l = slot.u, slot.l[asked.login]  # noqa: E741 - as in bastion.lua
    if l is not None and l.form == "X":
        return slot, Reply("X", NO_LEASES, 0)
    person_lives, login_lives = is_live(u, inc, has), is_live(l, inc, has)
    if u is None or l is None or not (person_lives and login_lives):
        new_u = u if person_lives else wanted(u, inc, fresh.person, has)
        new_l = l if login_lives else wanted(l, inc, fresh.login, has)
        leases = Leases(_lease(new_u, person_lives), _lease(new_l, login_lives))
        return slot._replace(u=new_u, l=put(slot.l, asked.login, new_l)), Reply("M", leases, 0)
    if not l.says & asked.credential:
        return (slot._replace(c=None) if asked.claim else slot), Reply("U", NO_LEASES, 0)
    c = slot.c
    if asked.claim:
        if not _may_claim(c, inc, asked.claim, has):
            return slot, Reply("C", NO_LEASES, 0)
        c = Record("T", says=asked.claim)
    j = slot.j
    if asked.proof:
        refused = prove_once(j, inc, asked)
        if refused:
            return slot, Reply(refused, NO_LEASES, 0)
        j = Record("T", says=asked.proof)
    leases = Leases(fresh.person if asked.due[0] else 0, fresh.login if asked.due[1] else 0)
    if leases.person:
        u = u._replace(lease=leases.person)
    if leases.login:
        l = l._replace(lease=leases.login)  # noqa: E741 - as in bastion.lua
    return Slot(u, put(slot.l, asked.login, l), c, j), Reply("L", leases, u.says)


def prove_once(proof: Record | None, inc: int, asked: Asked) -> str:
    """As in bastion.lua; "": it passes."""
    if asked.stamp != inc:
        return "S"
    if asked.untimely:
        return "I"
    return "" if proof is None or proof.says == asked.proof else "R"


def _lease(record: Record | None, lives: bool) -> int:
    return 0 if lives or record is None else record.lease


def _may_claim(code: Record | None, inc: int, claim: int, has: Mechanisms) -> bool:
    if code is None:
        return False
    if code.form == "T":
        return code.says == claim
    return code.stamp == inc or not has.stamped_codes


def fill(slot: Slot, inc: int, given: Fill, has: Mechanisms = ALL) -> tuple[Slot, str]:
    """Two letters, as in bastion.lua."""
    u, l = slot.u, slot.l[given.login]  # noqa: E741 - as in bastion.lua
    person = login = "-"
    if given.leases.person:
        person = "0"
        if holds(u, given.leases.person, inc, has):
            u, person = Record("L", inc, 0, given.person), "1"
    if given.leases.login:
        login = "0"
        if holds(l, given.leases.login, inc, has):
            live = Record("L", inc, 0, given.credentials)
            l, login = (live if given.credentials else ENDED), "1"  # noqa: E741 - as in bastion.lua
    return slot._replace(u=u, l=put(slot.l, given.login, l)), person + login


def finish(slot: Slot, login: int) -> Slot:
    return slot._replace(l=put(slot.l, login, ENDED))


def deny(slot: Slot, login: int) -> Slot:
    return slot._replace(l=put(slot.l, login, LASTING))


def stale_login(slot: Slot, login: int, has: Mechanisms = ALL) -> Slot:
    return slot._replace(l=put(slot.l, login, _staled(slot.l[login], has)))


def stale_person(slot: Slot, has: Mechanisms = ALL) -> Slot:
    return slot._replace(u=_staled(slot.u, has))


def _staled(record: Record | None, has: Mechanisms) -> Record | None:
    kept = record is not None and (
        (record.form == "X" and has.stale_leaves_an_end) or (record.form == "W" and not has.stale_ends_the_lease)
    )
    return record if kept else None


def offer(slot: Slot, inc: int) -> Slot:
    return slot._replace(c=Record("O", inc))


def put(logins: tuple[Record | None, ...], login: int, record: Record | None) -> tuple[Record | None, ...]:
    if logins[login] is record:
        return logins
    return (*logins[:login], record, *logins[login + 1 :])
