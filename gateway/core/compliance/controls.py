"""Owns the controls: what each promises, which criteria of SOC 2 it serves, and how a look at it is judged.

What is looked at, in SQL, stands in stores/postgres/controls.py.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from typing import Final

from gateway.core.units import DAY_S

MOST_IDS: Final = 20


class Result(Enum):
    """The values are in the database: they never change. UNKNOWN: it could not be looked at, and nothing passes so."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class Control:
    """id: in the database, it never changes. threshold: seconds; 0 where no age matters.

    looks_at: what is looked at beside tables; "" where the SQL says it. empty: the result where there is nothing.
    """

    id: str
    criteria: tuple[str, ...]
    sentence: str
    threshold: int = 0
    looks_at: str = ""
    empty: Result = Result.NOT_APPLICABLE

    def definition(self, query: str) -> bytes:
        """A control whose criteria, query or threshold changed is another one in the history. query: its SQL."""
        return digest_of([list(self.criteria), query or self.looks_at, self.threshold])


@dataclass(frozen=True, slots=True)
class Look:
    """found: how many violate the control, of how many. ids: theirs, the first MOST_IDS."""

    found: int
    of: int
    ids: tuple[str, ...] = ()

    @property
    def evidence(self) -> str:
        return _canonical({"found": self.found, "of": self.of, "ids": list(self.ids[:MOST_IDS])})


@dataclass(frozen=True, slots=True)
class JudgedControl:
    """evidence: JSON of counts and ids."""

    control: str
    definition: bytes
    result: Result
    evidence: str


OFF: Final = Look(0, 0)


def look_of(found: Sequence[str], of: int) -> Look:
    """found: ids of what violates the control."""
    return Look(len(found), of, tuple(found))


def judge(control: Control, query: str, look: Look | None) -> JudgedControl:
    """look None: it could not be looked at."""
    if look is None:
        return JudgedControl(control.id, control.definition(query), Result.UNKNOWN, "{}")
    result = control.empty if not look.of else Result.FAIL if look.found else Result.PASS
    return JudgedControl(control.id, control.definition(query), result, look.evidence)


def digest_of_run(run: int, at: int, results: Sequence[JudgedControl]) -> str:
    """Hexadecimal. In the audit log beside the run, so that a changed result shows."""
    rows = [[one.control, one.definition.hex(), one.result.value, one.evidence] for one in results]
    return digest_of([run, at, sorted(rows)]).hex()


def digest_of(value: object) -> bytes:
    return sha256(_canonical(value).encode()).digest()


def _canonical(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"))


_PASS, _UNKNOWN = Result.PASS, Result.UNKNOWN
CONTROLS: Final = (
    Control("mfa-coverage", ("CC6.1",), "Everybody in a group of mfa.required_for has a second factor, 14 days after"
            " they were added.", 14 * DAY_S),
    Control("owners-with-passkey", ("CC6.1", "CC6.3"), "Every owner of the console has a passkey."),
    Control("stale-accounts", ("CC6.2", "CC6.3"), "No active account is unused for 90 days.", 90 * DAY_S),
    Control("default-deny", ("CC6.1", "CC6.6"), "No app lets anyone in on every path without a note in the policy.",
            looks_at="routes of the policy with the warning open"),
    Control("session-lifetimes", ("CC6.1",), "No login lasts longer than 90 days.", 90 * DAY_S, empty=_PASS),
    Control("review-current", ("CC6.2", "CC6.3"), "Everybody's access was reviewed within 90 days, and no review is"
            " overdue.", 90 * DAY_S),
    Control("api-key-age", ("CC6.1",), "No API key is older than a year.", 365 * DAY_S),
    Control("roles-separated", ("CC6.1", "CC6.3"), "The role that serves can't change the audit log.",
            looks_at="privileges of the role in Postgres"),
    Control("redis-limited", ("CC6.1", "CC6.6"), "Bastion's user in Redis may do only what Bastion needs.",
            looks_at="commands that Redis should refuse"),
    Control("chain-verified", ("CC7.2",), "The chain of the audit log was verified within 7 days, and was whole.",
            7 * DAY_S, empty=_UNKNOWN),
    Control("checkpoints-off-host", ("CC7.2",), "Checkpoints reach another host within a day.", DAY_S, empty=_PASS),
    Control("linker-on-time", ("CC7.2",), "Entries of the audit log are linked within a minute.", 60),
    Control("endpoints-failing", ("CC7.2", "CC7.3"), "No webhook endpoint fails for a day, or is paused.", DAY_S),
    Control("attempts-counted", ("CC6.1", "CC7.2"), "At most 20 wrong passwords lock an account.", 20,
            looks_at="lockout.failures"),
    Control("cross-check-clean", ("CC7.2",), "The tables were compared with the audit log within 30 days, and agreed.",
            30 * DAY_S, empty=_UNKNOWN),
    Control("changes-have-actor", ("CC8.1",), "Each change of the last 30 days has somebody who made it.", 30 * DAY_S,
            empty=_PASS),
    Control("policy-tests-run", ("CC8.1",), "The policy in force has tests, which ran before it was loaded.",
            looks_at="tests of the policy"),
    Control("config-same-on-nodes", ("CC8.1",), "All workers have the same policy, limits and master keys.",
            empty=_UNKNOWN),
    Control("backup-age", ("A1.2",), "The last backup is at most 2 days old.", 2 * DAY_S),
    Control("restore-tried", ("A1.3",), "A backup was tried or restored within 90 days.", 90 * DAY_S),
    Control("standby-synchronous", ("A1.2",), "A failover of Postgres loses nothing that was confirmed.",
            looks_at="synchronous_standby_names and synchronous_commit"),
    Control("master-key-age", ("C1.1",), "The master key is at most a year old, and no change of it is stuck.",
            365 * DAY_S, empty=_UNKNOWN),
    Control("erasures-on-time", ("C1.2", "P4.3"), "Nobody who is to be erased waits for longer than a day after the"
            " time.", DAY_S, empty=_PASS),
    Control("data-map-complete", ("C1.1", "P1.1"), "The map of data has every column of the database.",
            looks_at="columns of the schema"),
    Control("clocks-agree", ("CC7.2",), "The clocks of the leader and of Postgres differ by at most 30 s.", 30,
            looks_at="both clocks"),
    Control("consent-current", ("P2.1", "P3.2"), "No app opened to a person who had not accepted required terms."),
    Control("retention-ran", ("P4.2", "C1.2"), "Each rule of retention ran within 2 days.", 2 * DAY_S,
            empty=_UNKNOWN),
    Control("exports-on-time", ("P5.1",), "People get a copy of their data in time. They get it at once, so no request"
            " waits.", looks_at="nothing: no request can wait"),
)  # fmt: skip
BY_ID: Final = {control.id: control for control in CONTROLS}
