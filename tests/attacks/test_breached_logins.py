"""A right password that is breached: the person is told or kept out, and each entry says what was found."""

import json
from dataclasses import replace
from typing import Any, Literal

import pytest

from gateway.core.password.breached import BreachVerdict, breach_digest
from gateway.flows.people.breaches import NO_CORPUS, Breaches, CorpusOutOfReach
from gateway.flows.people.issuing import SignedIn
from gateway.flows.people.login import BlockedLogin, Wrong
from gateway.outbound.ranges import NoRange
from tests.attacks.conftest import PASSWORD, House

EXPECTED = {"clear": False, "found": True, "not_checked": False}


class Corpus:
    """asked: whether each password that was looked up was the right one."""

    def __init__(self, verdict: BreachVerdict) -> None:
        self.verdict = verdict
        self.asked: list[bool] = []

    async def has(self, digest: bytes) -> bool:
        self.asked.append(digest == breach_digest(PASSWORD))
        if self.verdict == "not_checked":
            raise NoRange("it does not answer")
        return self.verdict == "found"


def asking(house: House, corpus: Corpus, at_login: Literal["warn", "change", "block"] = "warn", **more: Any) -> None:
    breaches, rules = Breaches(corpus.has, lambda _verdict: None, **more), replace(house.login.rules, breached=at_login)
    house.login = replace(house.login, breaches=breaches, rules=rules)
    house.second = replace(house.second, rules=rules)


async def entry(house: House, kind: str) -> dict[str, Any]:
    found = await house.pool.fetchval("SELECT detail FROM audit_entries WHERE kind = $1 ORDER BY id DESC", kind)
    detail: dict[str, Any] = json.loads(found)
    return detail


@pytest.mark.parametrize("verdict", ["clear", "found", "not_checked"])
async def test_the_entry_of_each_login_says_what_was_found_and_the_score_counts_it(
    house: House, verdict: BreachVerdict
) -> None:
    await house.add("eve")
    corpus = Corpus(verdict)
    asking(house, corpus)

    outcome = await house.attempt("eve")

    assert isinstance(outcome, SignedIn)
    assert outcome.breached is EXPECTED[verdict]
    detail = await entry(house, "login")
    assert detail["breach"] == verdict
    assert ("breached" in detail["factors"]) is EXPECTED[verdict]
    assert detail["score"] == 20 + 20 * EXPECTED[verdict], "a first login scores 20"
    assert corpus.asked == [True]


async def test_without_a_corpus_a_login_is_not_checked(house: House) -> None:
    await house.add("eve")
    house.login = replace(house.login, breaches=NO_CORPUS)

    assert isinstance(await house.attempt("eve"), SignedIn)

    assert (await entry(house, "login"))["breach"] == "not_checked"


@pytest.mark.parametrize("name", ["eve", "nobody"])
async def test_a_wrong_password_is_not_looked_up(house: House, name: str) -> None:
    """Or strangers could drive requests to the API, and learn what it knows."""
    await house.add("eve")
    corpus = Corpus("found")
    asking(house, corpus, at_login="block")

    assert isinstance(await house.attempt(name, "summerviolin1987"), Wrong)

    assert corpus.asked == []


async def test_nobody_is_signed_in_with_a_breached_password_where_that_is_blocked(house: House) -> None:
    await house.add("eve")
    asking(house, Corpus("found"), at_login="block")

    assert isinstance(await house.attempt("eve"), BlockedLogin)

    assert (await house.admin.show("eve")).logins == ()
    assert await house.pool.fetchval("SELECT count(*) FROM audit_entries WHERE kind = 'login'") == 0
    assert await entry(house, "login_blocked") == {
        "reason": "breached",
        "score": 40,
        "factors": ["first_login", "breached"],
    }


@pytest.mark.parametrize("verdict", ["clear", "not_checked"])
async def test_others_are_signed_in_all_the_same(house: House, verdict: BreachVerdict) -> None:
    await house.add("eve")
    asking(house, Corpus(verdict), at_login="block")

    assert isinstance(await house.attempt("eve"), SignedIn)


async def test_where_all_must_be_checked_nobody_comes_in_while_the_corpus_is_away(house: House) -> None:
    await house.add("eve")
    asking(house, Corpus("not_checked"), when_unreachable="refuse")

    with pytest.raises(CorpusOutOfReach):
        await house.attempt("eve")

    assert (await house.admin.show("eve")).logins == ()
