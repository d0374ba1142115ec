"""A passkey opens its person's account: once for each answer, in the browser that asked, and no copy of it."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from gateway.core.assurance.model import HWK, PWD, USER
from gateway.core.privacy.sealing import BrokenSeal
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.may_change import MayNotChange
from gateway.flows.people.issuing import SignedIn, Visit
from gateway.flows.people.own_factors import NewCodes, OwnFactors
from gateway.flows.people.own_passkeys import NotEnrolled, OwnPasskeys
from gateway.flows.people.passkey_proofs import PasskeyProofs, PasskeyRefused, PasskeyShown, Taken, Why
from gateway.flows.people.passkey_sign_in import PasskeySignIn
from tests.attacks.conftest import RELYING_PARTY, House
from tests.attacks.phones import confirmed
from tests.authenticator import UP, Authenticator
from tests.core.forward.setting import KEYS

BROWSER = "b" * 43
NOBODY = Visit(None, "", "", "")


@dataclass
class Keys:
    """What the tests do with passkeys in a house."""

    house: House
    counted: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        house = self.house
        self.proofs = PasskeyProofs(
            KEYS.challenge, RELYING_PARTY, house.there.random, lambda what: self.counted.update([what])
        )
        self.own = OwnPasskeys(OwnFactors(house.acts, KEYS, house.there.random), self.proofs)
        self.flow = PasskeySignIn(
            house.acts,
            self.proofs,
            house.login.risk,
            house.login.issuing,
            house.login.throttle,
            lambda what: self.counted.update([what]),
        )

    async def live(self, name: str) -> LiveLogin:
        live = await self.house.live(await self.house.sign_in(name))
        assert live is not None
        return live

    async def enrol(self, live: LiveLogin, key: Authenticator) -> NewCodes | NotEnrolled:
        options = await self.own.options(live, BROWSER)
        return await self.own.enrol(live, PasskeyShown(key.enrol(options), BROWSER), "Key", "")

    async def sign_in(self, answer: str, browser: str = BROWSER) -> SignedIn | PasskeyRefused:
        return await self.flow.attempt(PasskeyShown(answer, browser), NOBODY, None, keep=False)

    def options(self, browser: str = BROWSER) -> str:
        return self.proofs.sign_in_options(browser, self.house.there.now)

    async def second(self, user_id: UUID, key: Authenticator) -> Taken | PasskeyRefused:
        async with self.house.acts.begin() as act:
            options = await self.proofs.second_options(act, user_id, BROWSER)
        async with self.house.acts.begin() as act:
            shown = PasskeyShown(key.prove(options or self.options()), BROWSER)
            return await self.proofs.take_second(act, user_id, shown)


@pytest.fixture
async def keys(house: House) -> Keys:
    return Keys(house)


def authenticator(**changed: object) -> Authenticator:
    return Authenticator(RELYING_PARTY.id, RELYING_PARTY.origin, **changed)  # type: ignore[arg-type]  # as the caller knows


async def enrolled(keys: Keys, name: str = "eve", **changed: object) -> Authenticator:
    await keys.house.add(name)
    key = authenticator(**changed)
    assert isinstance(await keys.enrol(await keys.live(name), key), NewCodes)
    return key


async def test_a_passkey_signs_in_alone_and_is_both_factors(keys: Keys) -> None:
    key = await enrolled(keys)

    new = await keys.sign_in(key.prove(keys.options()))

    assert isinstance(new, SignedIn)
    live = await keys.house.live(new.token)
    assert live is not None
    assert live.person.username == "eve"
    assurance, now = live.facts.assurance, keys.house.there.now
    assert (assurance.authenticated_at, assurance.mfa_at, assurance.amr) == (now, now, HWK | USER)
    assert keys.counted == {"passkey accepted": 1, "accepted": 1}


async def test_recovery_codes_come_with_the_first_factor_only(keys: Keys) -> None:
    await keys.house.add("eve")
    first = await keys.enrol(await keys.live("eve"), authenticator())

    assert isinstance(first, NewCodes)
    assert len(first.codes) == 10


async def test_an_answer_counts_once(keys: Keys) -> None:
    key = await enrolled(keys)
    answer = key.prove(keys.options())
    assert isinstance(await keys.sign_in(answer), SignedIn)

    again = await keys.sign_in(answer)

    assert isinstance(again, PasskeyRefused)
    assert again.why is Why.EXPIRED
    # What was sent twice is no copy of the passkey.
    assert isinstance(await keys.sign_in(key.prove(keys.options())), SignedIn)


@pytest.mark.parametrize("counts", [True, False])
async def test_of_fifty_uses_of_one_challenge_one_succeeds(keys: Keys, counts: bool) -> None:
    key = await enrolled(keys, counts=counts)
    options = keys.options()
    answers = [key.prove(options) for _ in range(50)]

    outcomes = await asyncio.gather(*map(keys.sign_in, answers))

    assert sum(isinstance(one, SignedIn) for one in outcomes) == 1
    assert {one.why for one in outcomes if isinstance(one, PasskeyRefused)} == {Why.EXPIRED}


async def test_a_challenge_is_worth_nothing_elsewhere(keys: Keys) -> None:
    """In another browser, for another purpose, or when it is too old."""
    key = await enrolled(keys)
    house = keys.house
    async with house.acts.begin() as act:
        user = await act.users.find_by_name("eve")
        assert user is not None
        second = await keys.proofs.second_options(act, user.id, BROWSER)
    alone = keys.options()

    outcomes: list[object] = [await keys.sign_in(key.prove(alone), "o" * 43), await keys.sign_in(key.prove(second))]
    async with house.acts.begin() as act:
        outcomes.append(await keys.proofs.take_second(act, user.id, PasskeyShown(key.prove(alone), BROWSER)))
    house.there.now += 3601
    outcomes.append(await keys.sign_in(key.prove(alone)))

    assert [one.why if isinstance(one, PasskeyRefused) else one for one in outcomes] == [Why.EXPIRED] * 4


async def test_a_counter_that_does_not_rise_suspends_the_passkey(keys: Keys) -> None:
    key = await enrolled(keys)
    assert isinstance(await keys.sign_in(key.prove(keys.options())), SignedIn)
    key.count -= 1  # the copy

    copied = await keys.sign_in(key.prove(keys.options()))
    key.count += 100
    later = await keys.sign_in(key.prove(keys.options()))

    assert [one.why for one in (copied, later) if isinstance(one, PasskeyRefused)] == [Why.SUSPENDED] * 2
    async with keys.house.pool.acquire() as connection:
        kinds = await connection.fetch("SELECT kind, actor, detail FROM audit_entries WHERE kind = 'passkey_suspended'")
    assert [(row["kind"], row["actor"]) for row in kinds] == [("passkey_suspended", "gateway")]


async def test_a_suspended_passkey_does_not_turn_the_second_factor_off(keys: Keys) -> None:
    """Also where no recovery code is left: then an operator's code stands in."""
    key = await enrolled(keys)
    key.count = 0
    assert isinstance(await keys.sign_in(key.prove(keys.options())), PasskeyRefused)
    async with keys.house.pool.acquire() as connection:
        await connection.execute("DELETE FROM recovery_codes")

    outcome = await keys.house.attempt("eve")

    assert not isinstance(outcome, SignedIn)


async def test_nobody_else_can_have_a_passkey_suspended(keys: Keys) -> None:
    """The counter of an answer that the passkey did not sign is worth nothing."""
    key = await enrolled(keys)
    forged = authenticator(user_handle=key.user_handle)
    for _ in range(3):
        outcome = await keys.sign_in(forged.prove(keys.options()))
        assert isinstance(outcome, PasskeyRefused)
        assert outcome.why is Why.UNKNOWN

    assert isinstance(await keys.sign_in(key.prove(keys.options())), SignedIn)


async def test_a_passkey_that_verifies_nobody_is_a_second_factor_only(keys: Keys) -> None:
    key = await enrolled(keys, flags=UP)
    async with keys.house.acts.begin() as act:
        user = await act.users.find_by_name("eve")
    assert user is not None

    alone = await keys.sign_in(key.prove(keys.options()))
    second = await keys.second(user.id, key)

    assert isinstance(alone, PasskeyRefused)
    assert alone.why is Why.NOT_VERIFIED
    assert isinstance(second, Taken)
    assert not second.proof.first
    assert second.proof.amr == HWK


async def test_a_passkey_is_no_second_factor_of_somebody_else(keys: Keys) -> None:
    eves = await enrolled(keys, "eve")
    adas = await enrolled(keys, "ada", id=b"passkey-of-ada-2")
    async with keys.house.acts.begin() as act:
        ada = await act.users.find_by_name("ada")
    assert ada is not None

    taken = await keys.second(ada.id, eves)

    assert isinstance(taken, PasskeyRefused)
    assert isinstance(await keys.second(ada.id, adas), Taken)


async def test_a_row_that_was_copied_to_the_admin_opens_nothing(keys: Keys) -> None:
    key = await enrolled(keys, "eve")
    admin = await keys.house.add("ada")
    async with keys.house.pool.acquire() as connection:
        await connection.execute("UPDATE passkeys SET user_id = $1", admin)
    key.user_handle = admin.bytes

    with pytest.raises(BrokenSeal):
        await keys.sign_in(key.prove(keys.options()))


async def test_whoever_is_disabled_signs_in_with_no_passkey(keys: Keys) -> None:
    key = await enrolled(keys)
    await keys.house.admin.disable("eve")

    outcome = await keys.sign_in(key.prove(keys.options()))

    assert isinstance(outcome, PasskeyRefused)


async def test_a_removed_passkey_opens_nothing_and_its_codes_go_with_it(keys: Keys) -> None:
    key = await enrolled(keys)
    new = await keys.sign_in(key.prove(keys.options()))
    assert isinstance(new, SignedIn)
    live = await keys.house.live(new.token)
    assert live is not None
    (row,) = await keys.own.list(live)

    assert await keys.own.remove(live, row.hash, "")

    refused = await keys.sign_in(key.prove(keys.options()))
    assert isinstance(refused, PasskeyRefused)
    assert isinstance(await keys.house.attempt("eve"), SignedIn)
    async with keys.house.acts.begin() as act:
        assert (await act.factors.codes_left(live.person.user_id, act.now)).recovery == 0


async def test_a_password_alone_changes_no_passkeys_where_there_is_one(keys: Keys) -> None:
    """threats.md L25."""
    await keys.house.add("eve")
    by_password = await keys.live("eve")
    key = authenticator()
    assert isinstance(await keys.enrol(by_password, key), NewCodes)
    assert by_password.facts.assurance.amr == PWD
    (row,) = await keys.own.list(by_password)

    with pytest.raises(MayNotChange):
        await keys.own.remove(by_password, row.hash, "")
    with pytest.raises(MayNotChange):
        await keys.enrol(by_password, authenticator(id=b"of-the-thief"))
    assert isinstance(await keys.sign_in(key.prove(keys.options())), SignedIn)


async def test_an_enrolment_is_of_its_login_and_counts_once(keys: Keys) -> None:
    await keys.house.add("eve")
    first, other = await keys.live("eve"), await keys.live("eve")
    await confirmed(keys.house, other)
    key = authenticator()
    answer = key.enrol(await keys.own.options(first, BROWSER))

    assert await keys.own.enrol(other, PasskeyShown(answer, BROWSER), "", "") is NotEnrolled.EXPIRED
    assert await keys.own.enrol(first, PasskeyShown(answer, "o" * 43), "", "") is NotEnrolled.EXPIRED
    assert isinstance(await keys.own.enrol(first, PasskeyShown(answer, BROWSER), "", ""), NewCodes)
