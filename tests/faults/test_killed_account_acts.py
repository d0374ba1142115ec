"""A worker dies at each message of a second step, an enrolment, a reset or a disown, and the person does it again.

Whatever the killed worker has left: the act and its entry are both there or neither, a link works once, and the account
works.
"""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import asyncpg
import pyotp
import pytest

from tests.exhaustive import EXHAUSTIVE
from tests.faults.conftest import Relayed
from tests.faults.kills import Kills, copy, until
from tests.journeys.test_recovery import letters, link_of
from tests.journeys.test_undoing import PASSWORD, add, bastion
from tests.staging import Seen, Stage, Visitor, forget_limits

STEP = 1 if EXHAUSTIVE else 91  # odd, so that requests and answers are both met
LONG_STEP = 1 if EXHAUSTIVE else 241  # of acts that write much, on a worker that has prepared no statement yet
LEAST = 2  # kills of an act
FACTORS_OF_THE_DEMO = 2  # its owner's and its supporter's
NEW = "walnut kettle orbit fresco"


@pytest.fixture
def stage(relayed: Relayed) -> Stage:
    return relayed.stage


@pytest.fixture
def kills(relayed: Relayed) -> Kills:
    return Kills(relayed)


def ask(stage: Stage, statement: str) -> int:
    async def fetch() -> int:
        connection = await asyncpg.connect(stage.postgres.url("relayed"))
        found: int = await connection.fetchval(statement) or 0
        await connection.close()
        return found

    return asyncio.run(fetch())


def entries(stage: Stage, kind: str) -> int:
    return ask(stage, f"SELECT count(*) FROM audit_entries WHERE kind = '{kind}'")


def in_peace(stage: Stage, act: Callable[[], Seen]) -> Seen:
    """Again and again, until a worker answers, on a slow machine too."""
    seen = list[Seen]()

    def answered() -> bool:
        forget_limits(stage)
        with suppress(TimeoutError):
            seen.append(act())
            return seen[-1].status not in (502, 503)
        return False

    until(answered)
    return seen[-1]


def posted(visitor: Visitor, page: Seen, path: str, **fields: str) -> Seen:
    """The form, without what follows it."""
    hidden = {name: page.field(name) for name in ("csrf", "t", "for", "j") if f'name="{name}" value="' in page.text}
    return visitor._post(page, path, **{**hidden, **fields})


def log_in(stage: Stage, visitor: Visitor, name: str, password: str = PASSWORD) -> Seen:
    def once() -> Seen:
        return visitor.log_in(visitor.visit(stage.auth + "/login"), name, password)

    return in_peace(stage, once)


def enrolment(stage: Stage, visitor: Visitor) -> Callable[[], Seen]:
    """The form with the first code of a new app."""
    page = in_peace(stage, partial(visitor.visit, stage.auth + "/account/security"))
    begun = in_peace(stage, partial(posted, visitor, page, "/account/security/app"))
    secret = re.search(r'id="secret">([A-Z2-7-]+)<', begun.text)
    assert secret is not None
    code = pyotp.TOTP(secret[1].replace("-", "")).now()
    return partial(posted, visitor, begun, "/account/security/app/confirm", code=code)


def cut_off(stage: Stage, kills: Kills, moment: int, visitor: Visitor, act: Callable[[], Seen]) -> int:
    """Then once more with the cookies from before: the status of that."""
    before = copy(visitor.jar)
    with suppress(TimeoutError):
        kills.during(moment, act)
    visitor.jar = copy(before)
    return in_peace(stage, act).status


def enrol_once_cut_off(stage: Stage, kills: Kills, moment: int, visitor: Visitor, done: int) -> None:
    cut_off(stage, kills, moment, visitor, enrolment(stage, visitor))

    assert ask(stage, "SELECT count(*) FROM totp WHERE confirmed_at IS NOT NULL") == 1
    assert entries(stage, "factor_added") - FACTORS_OF_THE_DEMO == entries(stage, "recovery_codes_made") == done
    assert ask(stage, "SELECT count(*) FROM recovery_codes WHERE used_at IS NULL") == 10
    forget_factors(stage)


def forget_factors(stage: Stage) -> None:
    for table in ("totp", "recovery_codes"):
        ask(stage, f"DELETE FROM {table}")


def test_an_enrolment_that_was_cut_off_is_whole_or_none(stage: Stage, kills: Kills) -> None:
    add(stage, "gail")
    forget_factors(stage)  # of the people whom the demo seeds
    visitor = stage.visitor()
    log_in(stage, visitor, "gail")
    for done, moment in enumerate(kills.moments(STEP), 1):
        enrol_once_cut_off(stage, kills, moment, visitor, done)
    assert len(kills.at) >= LEAST


def prove_once_cut_off(stage: Stage, kills: Kills, moment: int) -> None:
    visitor, code = stage.visitor(), bastion(stage, "user", "code", "hugo", "--reason", "phone at home").strip()
    page = log_in(stage, visitor, "hugo")
    assert cut_off(stage, kills, moment, visitor, partial(posted, visitor, page, "/login/verify", code=code)) == 303


def test_a_second_step_that_was_cut_off_uses_a_code_up_and_signs_in_or_neither(stage: Stage, kills: Kills) -> None:
    add(stage, "hugo")
    owner = stage.visitor()
    log_in(stage, owner, "hugo")
    forget_factors(stage)  # of the people whom the demo seeds
    in_peace(stage, enrolment(stage, owner))
    before, used_before = entries(stage, "login"), entries(stage, "recovery_code_used")
    for used, moment in enumerate(kills.moments(STEP), 1):
        prove_once_cut_off(stage, kills, moment)
        assert ask(stage, "SELECT count(*) FROM recovery_codes WHERE used_at IS NOT NULL") == 1
        assert entries(stage, "recovery_code_used") - used_before == entries(stage, "login") - before == used
    assert len(kills.at) >= LEAST


def reset_once_cut_off(stage: Stage, kills: Kills, moment: int, done: int) -> None:
    visitor, new = stage.visitor(), f"{NEW} {moment} {done}"
    forgot = in_peace(stage, partial(visitor.visit, stage.auth + "/forgot"))
    in_peace(stage, partial(posted, visitor, forgot, "/forgot", name="iris"))
    link = link_of(letters(stage, "Choose a new password", done)[-1])
    page = in_peace(stage, partial(visitor.visit, link))

    again = cut_off(stage, kills, moment, visitor, partial(posted, visitor, page, "/reset", new=new, again=new))

    assert again in (303, 410)
    assert entries(stage, "password_reset") == done
    assert in_peace(stage, partial(visitor.visit, link)).status == 410
    assert log_in(stage, stage.visitor(), "iris", new).url == stage.auth + "/account"


def test_a_reset_that_was_cut_off_is_whole_or_none_and_its_link_works_once(stage: Stage, kills: Kills) -> None:
    add(stage, "iris")
    for done, moment in enumerate(kills.moments(LONG_STEP), 1):
        reset_once_cut_off(stage, kills, moment, done)
    assert len(kills.at) >= LEAST


def disown_once_cut_off(stage: Stage, kills: Kills, moment: int, done: int) -> None:
    visitor = stage.visitor()
    bastion(stage, "user", "set-password", "jane", "--password-stdin", typed=f"{NEW} {moment} {done}")
    link = link_of(letters(stage, "Your password was changed", done)[-1])
    page = in_peace(stage, partial(visitor.visit, link))

    again = cut_off(stage, kills, moment, visitor, partial(posted, visitor, page, "/disown", name="jane"))

    assert again in (303, 410)
    assert entries(stage, "disowned") == done
    assert ask(stage, "SELECT count(*) FROM users WHERE password = ''") == 1
    assert in_peace(stage, partial(visitor.visit, link)).status == 410


def test_a_disown_that_was_cut_off_is_whole_or_none_and_its_link_works_once(stage: Stage, kills: Kills) -> None:
    add(stage, "jane")
    for done, moment in enumerate(kills.moments(STEP), 1):
        disown_once_cut_off(stage, kills, moment, done)
    assert len(kills.at) >= LEAST
