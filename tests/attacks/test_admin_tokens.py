"""Tokens for the console's API under attack: each leg taken away, and makers who are demoted meanwhile (ui.md X9)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from ipaddress import ip_address
from uuid import UUID

import pytest

from gateway.core.addresses import Address
from gateway.core.admin.acts import AdminRole
from gateway.core.base64url import unb64
from gateway.core.token.api_key import ApiKeys, mint_key, read_key
from gateway.flows.admin.console import AdminActor, MayNot
from gateway.flows.admin.tokens import AdminTokenAdmin, AdminTokens, WantedAdminToken
from gateway.flows.people.api_keys import BadKey
from gateway.flows.people.users import BadReason
from tests.attacks.conftest import House
from tests.attacks.desk import OFFICE, Desk, desk_of
from tests.core.forward.setting import KEYS

ELSEWHERE = ip_address("203.0.113.9")
DAY_S = 86_400
SUPPORT = WantedAdminToken(AdminRole.SUPPORT, ("192.0.2.0/24",), 30)


@dataclass
class Held:
    """Somebody with the role admin, and a token of theirs with the role support."""

    desk: Desk
    tokens: AdminTokens
    admin: AdminTokenAdmin
    user_id: UUID
    text: str
    address: Address | None = OFFICE

    async def found(self) -> AdminActor | None:
        return await self.tokens.find(self.text, self.address)

    @property
    def id(self) -> bytes:
        read = read_key(KEYS.admin_token, self.text)
        assert read is not None
        return unb64(read[1])


@pytest.fixture
async def held(house: House) -> Held:
    desk = desk_of(house)
    await desk.add("olivia", AdminRole.OWNER)
    user_id = await desk.add("sam", AdminRole.ADMIN)
    admin = AdminTokenAdmin(house.acts, KEYS, house.there.random, "cli:root")
    text = await admin.create("sam", SUPPORT, "backup")
    return Held(desk, AdminTokens(house.acts, KEYS.admin_token), admin, user_id, text)


async def test_a_token_acts_with_its_own_role(held: Held) -> None:
    assert await held.found() == AdminActor(held.user_id, AdminRole.SUPPORT, held.id)
    (listed,) = await held.admin.list()
    assert (listed.username, listed.is_worth, listed.token.last_used_at) == ("sam", True, held.desk.house.there.now)


async def one_bit(held: Held) -> None:
    held.text = held.text[:-1] + ("A" if held.text[-1] != "A" else "B")


async def api_keys_mac(held: Held) -> None:
    held.text = ApiKeys(KEYS.api_key, KEYS.person).mint(held.text[4:20], held.id, b"s" * 32)


async def another_secret(held: Held) -> None:
    """Of somebody who knows the MAC key, and not the token."""
    held.text = mint_key(KEYS.admin_token, held.text[4:20], held.id, b"s" * 32)


async def from_elsewhere(held: Held) -> None:
    held.address = ELSEWHERE


async def from_nowhere(held: Held) -> None:
    held.address = None


async def expiry(held: Held) -> None:
    held.desk.house.there.now += 30 * DAY_S


async def revoked(held: Held) -> None:
    assert await held.admin.revoke(held.id, "left")


async def no_role(held: Held) -> None:
    await held.desk.roles.revoke("sam", "left")


async def below(held: Held) -> None:
    await held.desk.roles.grant("sam", AdminRole.AUDITOR, None, "demoted")


async def role_over(held: Held) -> None:
    await held.desk.roles.grant("sam", AdminRole.ADMIN, held.desk.house.there.now + 1, "trial")
    held.desk.house.there.now += 1


async def disabled(held: Held) -> None:
    await held.desk.house.admin.disable("sam")


async def disabled_and_enabled(held: Held) -> None:
    await disabled(held)
    await held.desk.house.admin.enable("sam")


async def erased(held: Held) -> None:
    async with held.desk.house.acts.begin() as act:
        await act.erasures.erase(held.user_id, act.now)


LEGS = [
    one_bit, api_keys_mac, another_secret, from_elsewhere, from_nowhere, expiry, revoked, no_role, below, role_over,
    disabled, disabled_and_enabled, erased,
]  # fmt: skip


@pytest.mark.parametrize("take_away", LEGS)
async def test_each_leg_carries_weight(held: Held, take_away: Callable[[Held], Awaitable[None]]) -> None:
    assert await held.found() is not None

    await take_away(held)

    assert await held.found() is None


async def test_it_lives_until_the_second_on_which_it_ends(held: Held) -> None:
    held.desk.house.there.now += 30 * DAY_S - 1

    assert await held.found() is not None


@pytest.mark.parametrize("take_away", [revoked, no_role, below])
async def test_what_ended_since_the_call_began_does_nothing(
    held: Held, take_away: Callable[[Held], Awaitable[None]]
) -> None:
    """The role, and the token, are read again in the transaction of the act."""
    ada = await held.desk.add("ada")
    session = await held.desk.house.sign_in("ada")
    who = await held.found()
    assert who is not None

    await take_away(held)

    with pytest.raises(MayNot):
        await held.desk.people.end_sessions(who, ada, "", "why", "")
    assert await held.desk.house.lives(session)


async def test_it_may_no_more_than_its_role_whatever_its_maker_may(held: Held) -> None:
    ada, who = await held.desk.add("ada"), await held.found()
    assert who is not None

    with pytest.raises(MayNot):
        await held.desk.people.disable(who, ada, "why", "")
    with pytest.raises(MayNot):
        await held.desk.people.end_sessions(who, held.user_id, "", "of its own maker", "")
    forged = replace(who, role=AdminRole.ADMIN)
    with pytest.raises(MayNot):
        await held.desk.people.disable(forged, ada, "why", "")


@pytest.mark.parametrize(
    ("name", "wanted", "says"),
    [
        ("sam", replace(SUPPORT, role=AdminRole.OWNER), "never an owner"),
        ("olivia", replace(SUPPORT, role=AdminRole.OWNER), "never an owner"),
        ("ada", SUPPORT, "may not do what support may"),
        ("sam", replace(SUPPORT, networks=()), "at least one"),
        ("sam", replace(SUPPORT, networks=("0.0.0.0/0",)), "everywhere"),
        ("sam", replace(SUPPORT, networks=("::/0",)), "everywhere"),
        ("sam", replace(SUPPORT, networks=("office",)), "is no network"),
        ("sam", replace(SUPPORT, days=366), "1 to 365 days"),
        ("sam", replace(SUPPORT, days=0), "1 to 365 days"),
    ],
)
async def test_nobody_has_a_token_that_is_too_much(held: Held, name: str, wanted: WantedAdminToken, says: str) -> None:
    await held.desk.add("ada")

    with pytest.raises(BadKey, match=says):
        await held.admin.create(name, wanted, "why")
    with pytest.raises(BadReason):
        await held.admin.create("sam", SUPPORT, "")

    assert len(await held.admin.list()) == 1


async def test_only_a_hash_of_it_is_stored(held: Held) -> None:
    row = await held.desk.house.pool.fetchrow("SELECT * FROM admin_tokens")
    assert row is not None

    assert (len(held.text), held.text[:4], len(row["hash"])) == (101, "bst_", 32)
    assert held.text not in str(dict(row))
    assert await held.admin.create("sam", replace(SUPPORT, days=365), "why") != held.text
