"""Somebody talks an operator into a reset: the person hears of it, has a day, and keeps their factors (X8, L12)."""

import pytest

from gateway.core.mail.kinds import MailKind
from gateway.core.mail.links import LinkKind
from gateway.flows.mail.notices import Notices
from gateway.flows.people.factor_admin import FactorAdmin, NotTold
from gateway.flows.people.factor_resets import FactorRemoval, FactorResets
from gateway.flows.people.issuing import SignedIn
from gateway.flows.people.own_passkeys import OwnPasskeys
from gateway.flows.people.passkey_proofs import PasskeyShown
from gateway.flows.people.users import BadReason
from tests.attacks.conftest import RELYING_PARTY, House
from tests.attacks.phones import Phone, ada_with_phone, alive, first_step, kinds, second_step, signed_in, stepped
from tests.authenticator import Authenticator
from tests.core.forward.setting import KEYS
from tests.waiting_mail import text_of, waiting_mail

DAY = 86_400
TOLD = "UPDATE outbox SET state = 'done', done_at = to_timestamp($1), sealed = ''"
DEAD = "UPDATE outbox SET state = 'dead', done_at = to_timestamp($1)"
GONE = "DELETE FROM outbox WHERE made_at < to_timestamp($1 + 86400)"


async def ada_to_reset(house: House) -> tuple[Phone, FactorAdmin]:
    phone = await ada_with_phone(house)
    await house.admin.set_email("ada", "ada@example.org")
    notices = Notices(is_on=True, lifetimes_s=dict.fromkeys(LinkKind, 4 * DAY), random=house.there.random)
    return phone, FactorAdmin(house.acts, KEYS, house.there.random, notices, "cli:root")


async def settle(house: House, how: str) -> None:
    """What became of the notice, now."""
    await house.pool.execute(how, house.there.now)


async def work(house: House, admin: FactorAdmin) -> None:
    await FactorResets(house.acts, FactorRemoval(KEYS, admin.notices)).work()


async def factors(admin: FactorAdmin) -> list[str]:
    return [one.id for one in (await admin.show("ada")).factors]


async def test_the_factors_go_a_day_after_the_mail_server_took_the_notice(house: House) -> None:
    phone, admin = await ada_to_reset(house)
    await stepped(house, phone)

    assert await admin.announce("ada", "phone lost")
    (mail,) = await waiting_mail(house.acts)
    house.there.now += DAY
    await work(house, admin)
    before = await factors(admin)
    await settle(house, TOLD)
    await work(house, admin)
    house.there.now += DAY - 1
    await work(house, admin)
    still = await factors(admin)
    house.there.now += 1
    await work(house, admin)

    assert (mail.kind, mail.to) == (MailKind.FACTOR_RESET_ANNOUNCED, "ada@example.org")
    assert "https://auth.example.com/keep-factors?t=" in text_of(mail)
    assert (before, still, await factors(admin)) == (["totp"], ["totp"], [])
    assert await house.pool.fetchval("SELECT count(*) FROM logins WHERE ended_why = 'factor_reset'") == 2
    assert [kind for kind in await kinds(house) if kind.startswith("factor_re")] == [
        "factor_reset_announced",
        "factor_removed",
    ]
    assert [mail.kind for mail in await waiting_mail(house.acts)] == [MailKind.FACTOR_REMOVED]
    assert await house.pool.fetchval("SELECT actor FROM audit_entries WHERE kind = 'factor_removed'") == "cli:root"


@pytest.mark.parametrize("how", [DEAD, GONE])
async def test_a_notice_that_nobody_took_stops_it(house: House, how: str) -> None:
    _, admin = await ada_to_reset(house)
    await admin.announce("ada", "phone lost")

    await settle(house, how)
    await work(house, admin)
    house.there.now += 2 * DAY
    await settle(house, TOLD)
    await work(house, admin)

    assert await factors(admin) == ["totp"]
    assert (await kinds(house))[-1] == "factor_reset_stopped"


async def test_mail_that_is_down_for_three_days_stops_it(house: House) -> None:
    _, admin = await ada_to_reset(house)
    await admin.announce("ada", "phone lost")

    house.there.now += 3 * DAY
    await work(house, admin)

    assert (await kinds(house))[-1] == "factor_reset_stopped"


async def test_a_reset_that_waits_for_its_notice_ends_no_login_that_begins(house: House) -> None:
    _, admin = await ada_to_reset(house)
    await admin.announce("ada", "phone lost")
    cookie = await first_step(house)

    await work(house, admin)

    assert await house.second.waiting(cookie) is not None


async def test_a_reset_is_announced_once_and_only_to_who_can_hear_of_it(house: House) -> None:
    _, admin = await ada_to_reset(house)

    assert await admin.announce("ada", "phone lost")
    assert not await admin.announce("ada", "phone lost")
    await house.admin.set_email("ada", "")
    with pytest.raises(NotTold):
        await admin.announce("ada", "phone lost")
    with pytest.raises(BadReason):
        await admin.announce("ada", "")
    assert len(await waiting_mail(house.acts)) == 1
    assert (await admin.show("ada")).reset_asked_at == house.there.now


async def test_a_reset_at_once_leaves_none_that_waits(house: House) -> None:
    _, admin = await ada_to_reset(house)
    await admin.announce("ada", "phone lost")

    assert await admin.reset("ada", "phone lost")
    await settle(house, TOLD)
    house.there.now += DAY
    await work(house, admin)

    assert (await kinds(house)).count("factor_removed") == 1


async def test_an_operator_removes_one_factor_by_its_id(house: House) -> None:
    phone, admin = await ada_to_reset(house)
    done = await second_step(house, await first_step(house), phone.code())
    assert isinstance(done, SignedIn)

    assert not await admin.remove("ada", "AAAAAAAA", "key lost")
    assert await house.lives(done.token)
    assert await admin.remove("ada", "totp", "phone lost")

    assert not await house.lives(done.token)
    found = await admin.show("ada")
    assert (found.factors, found.recovery_codes) == ((), 0)
    assert not await admin.remove("ada", "totp", "phone lost")
    await signed_in(house, "ada")


async def test_of_two_factors_the_other_one_and_the_codes_stay(house: House) -> None:
    phone, admin = await ada_to_reset(house)
    done = await second_step(house, await first_step(house), phone.code())
    assert isinstance(done, SignedIn)
    own, live = OwnPasskeys(house.factors, house.second.proofs.passkeys), await alive(house, done.token)
    key, browser = Authenticator(RELYING_PARTY.id, RELYING_PARTY.origin), "b" * 43
    await own.enrol(live, PasskeyShown(key.enrol(await own.options(live, browser)), browser), "Notebook", "")
    _, passkey = (await admin.show("ada")).factors

    assert passkey.name == "Notebook"
    assert await admin.remove("ada", passkey.id, "notebook lost")

    assert await factors(admin) == ["totp"]
    assert (await admin.show("ada")).recovery_codes == 10
    assert (await kinds(house))[-1] == "factor_removed"
