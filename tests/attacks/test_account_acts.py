"""The frozen table of what each act ends (X2): every cell over the real flows, and enabling wakes nothing."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import pytest

from gateway.core.login.account_acts import FATES, TABLES, AccountAct, Credential, Fate
from gateway.core.mail.kinds import MailKind
from gateway.core.mail.links import LinkKind, link_hash
from gateway.core.password.rules import DEFAULT_RULES
from gateway.core.ratelimit.gcra import Limit, Per
from gateway.core.session.tokens import Token
from gateway.flows.admin.emergency import AskedBy, EmergencyAdmin, WantedEnd
from gateway.flows.admin.session_ending import SessionEnding
from gateway.flows.mail.notices import Notices
from gateway.flows.people.disown import KINDS, Disown
from gateway.flows.people.factor_admin import FactorAdmin
from gateway.flows.people.named_links import NamedLinks
from gateway.flows.people.new_passwords import NewPasswords
from gateway.flows.people.recovery import LinkLimits, PasswordChosen, Recovery
from gateway.flows.people.unknown_names import UnknownNames
from gateway.flows.privacy.erasure import Erasure, NodeFiles
from gateway.stores.redis.sweep import sweep
from tests.attacks.conftest import BUCKET_NAMES, House
from tests.attacks.phones import VISIT, Phone, ada_with_phone, first_step, let_time_pass, second_step
from tests.core.forward.setting import KEYS, POLICY
from tests.waiting_mail import waiting_mail

NEW = "plum violin cabin zephyr"
PLENTY = Limit("plenty", 1_000, 60_000_000, 1_000, Per.PRINCIPAL)
# Tables with a person and a secret that let nobody in by themselves.
PROVE_NOTHING = {
    "users": "the password, which AccountAct changes or keeps",
    "user_keys": "the person's data key",
    "password_history": "what was a password once",
    "password_doubts": "of which password there is a doubt",
    "totp": "a second factor: never alone",
    "passkeys": "a factor of its own: removed and suspended by factor acts",
    "devices": "a device, which chooses what is asked",
    "risk_profiles": "habits",
    "outbox": "waiting mail; its links are in links",
    "factor_resets": "a reason",
    "audit_entries": "what happened",
    "consent_records": "what was answered to terms",
    "consoles": "a console of a live login, which ends with it",
    "holds": "a reason",
    "notices": "what was told",
    "refusals": "what was refused, and why",
}
_SECRETS = """
    SELECT DISTINCT u.table_name FROM information_schema.columns u JOIN information_schema.columns s USING (table_name)
     WHERE u.table_schema = 'public' AND s.table_schema = 'public'
       AND u.column_name IN ('user_id', 'subject') AND s.data_type = 'bytea'
"""


@dataclass
class Stands:
    """Everything that ada can be let in by."""

    house: House
    notices: Notices
    user_id: UUID
    login: Token
    attempt: str
    link: str
    operator_code: str
    phone: Phone

    async def stands(self, credential: Credential) -> Fate:
        """What has become of it."""
        pool = self.house.pool
        match credential:
            case Credential.LOGIN:
                return _fate(await self.house.lives(self.login))
            case Credential.ATTEMPT:
                return _fate(await self.house.second.waiting(self.attempt) is not None)
            case Credential.LINK:
                return _fate(await self._link_works())
            case Credential.CODE:
                # An exchange holds the login first: see flows/oauth/exchange.py and web/test_token_endpoint.py.
                async with self.house.acts.begin() as act:
                    login_id = await pool.fetchval("SELECT login_id FROM codes")
                    return _fate(await act.logins.hold(login_id, act.now))
            case Credential.GRANT:
                query = (
                    "SELECT l.ended_at IS NULL FROM grants g JOIN logins l ON l.id = g.login_id WHERE kind = 'login'"
                )
                return _fate(await pool.fetchval(query))
            case Credential.OFFLINE_GRANT:
                return _fate(await pool.fetchval("SELECT ended_at IS NULL FROM grants WHERE kind = 'offline'"))
            case Credential.API_KEY:
                return await self._key()
            case Credential.ADMIN_TOKEN:
                return _fate(await pool.fetchval("SELECT revoked_at IS NULL FROM admin_tokens") is True)
            case Credential.OPERATOR_CODE:
                return _fate(await self._code_works())

    async def _key(self) -> Fate:
        row = await self.house.pool.fetchrow("SELECT ended_at, rests_at FROM api_keys")
        if row is None or row["ended_at"] is not None:
            return Fate.ENDS
        return Fate.STAYS if row["rests_at"] is None else Fate.RESTS

    async def _code_works(self) -> bool:
        async with self.house.acts.begin() as act:
            return (await act.factors.codes_left(self.user_id, act.now)).operator == 1

    async def _link_works(self) -> bool:
        hash_ = link_hash(self.link)
        assert hash_ is not None
        async with self.house.acts.begin() as act:
            return await act.links.find(hash_, act.now) is not None


def _fate(stands: bool) -> Fate:
    return Fate.STAYS if stands else Fate.ENDS


async def standing(house: House) -> Stands:
    phone = await ada_with_phone(house)
    await house.admin.set_email("ada", "ada@example.org")
    notices = Notices(is_on=True, lifetimes_s=dict.fromkeys(LinkKind, 86_400), random=house.there.random)
    user = (await house.admin.show("ada")).user
    done = await second_step(house, await first_step(house), phone.code())
    token = done.token  # type: ignore[union-attr]  # it is right
    await let_time_pass(house)
    await _grants_and_key(house, user.id, token)
    code = await _factor_admin(house, notices).make_code("ada", 3600, "phone at home")
    async with house.acts.begin() as act:
        await notices.write(act, user.id, user.email, MailKind.RESET_LINK)
    link = (await waiting_mail(house.acts, "reset_link"))[-1].token
    return Stands(house, notices, user.id, token, await first_step(house), link, code, phone)


def _factor_admin(house: House, notices: Notices) -> FactorAdmin:
    return FactorAdmin(house.acts, KEYS, house.there.random, notices, "cli:root")


async def _grants_and_key(house: House, user_id: UUID, login: Token) -> None:
    """As the flows of apps and keys leave them."""
    now = house.there.now
    for kind in ("login", "offline"):
        await house.pool.execute(
            "INSERT INTO grants (id, kind, client, user_id, login_id, scope, resource, authenticated_at, mfa_at, amr,"
            " jkt, generation, rotated_at, created_at, expires_at, idle_s, last_used_at)"
            " VALUES ($1, $6, 'spa', $2, $3, '{openid}', 'x', $4, 0, '{pwd}', '', 1, $4, $4, $5, 3600, $4)",
            secrets.token_bytes(16), user_id, login.login_id, now, now + 86_400, kind,
        )  # fmt: skip
    await house.pool.execute(
        "INSERT INTO codes (hash, client, user_id, login_id, content, expires_at) VALUES ($1, 'spa', $2, $3, '', $4)",
        b"c" * 32, user_id, login.login_id, now + 60,
    )  # fmt: skip
    await house.pool.execute(
        "INSERT INTO api_keys (id, user_id, sealed, hash, scope, hosts, networks, created_at)"
        " VALUES ($1, $2, '', $3, '{files}', '{app.example.org}', '{}', $4)",
        b"k" * 16, user_id, b"h" * 32, now,
    )  # fmt: skip
    await house.pool.execute(
        "INSERT INTO admin_tokens (id, user_id, hash, role, networks, created_at, expires_at)"
        " VALUES ($1, $2, $3, 'auditor', '{192.0.2.0/24}', $4, $5)",
        b"t" * 16, user_id, b"h" * 32, now, now + 86_400,
    )  # fmt: skip


async def reset(one: Stands) -> None:
    house = one.house
    limits = LinkLimits(house.second.throttle.buckets, BUCKET_NAMES, PLENTY, PLENTY)
    recovery = Recovery(
        house.acts,
        NewPasswords(house.passwords, DEFAULT_RULES),
        one.notices,
        limits,
        UnknownNames(house.acts),
        KEYS,
        house.second.proofs,
        house.second.throttle,
    )
    assert isinstance(await recovery.reset(one.link, NEW, one.phone.code(), VISIT), PasswordChosen)


async def disown(one: Stands) -> None:
    house = one.house
    async with house.acts.begin() as act:
        await one.notices.write(act, one.user_id, "ada@example.org", MailKind.NEW_DEVICE)
    link = (await waiting_mail(house.acts, "new_device"))[-1].token
    limits = LinkLimits(house.second.throttle.buckets, BUCKET_NAMES, PLENTY, PLENTY)
    flow = Disown(NamedLinks(house.acts, limits, KINDS), one.notices, KEYS, house.login.risk)
    assert await flow.disown(link, "ada", VISIT)


async def erase(one: Stands) -> None:
    with TemporaryDirectory() as directory:
        erasure = Erasure(one.house.acts, KEYS, NodeFiles(Path(directory), Path(directory)))
        await erasure.finish(await erasure.erase("ada", "asked", "cli:root"))


async def end_everybodys_sessions(one: Stands) -> None:
    acts = one.house.acts
    await EmergencyAdmin(acts, one.notices, lambda: POLICY).end_sessions(WantedEnd("all", "leak"), AskedBy("cli:root"))
    await SessionEnding(acts, KEYS.tag).work()


async def restore(one: Stands) -> None:
    """What a restore does to the database that it has filled."""
    async with one.house.acts.begin() as act:
        await act.restores.end_all(act.now)
    await sweep(one.house.functions)


ACTS: dict[AccountAct, Callable[[Stands], Awaitable[object]]] = {
    AccountAct.PASSWORD_RESET: reset,
    AccountAct.DISOWNED: disown,
    AccountAct.FACTOR_RESET: lambda one: _factor_admin(one.house, one.notices).reset("ada", "phone lost"),
    AccountAct.PASSWORD_SET: lambda one: one.house.admin.set_password("ada", NEW),
    AccountAct.DISABLED: lambda one: one.house.admin.disable("ada"),
    AccountAct.LOGINS_ENDED: lambda one: one.house.admin.end_sessions("ada", None, "laptop stolen"),
    AccountAct.ENABLED: lambda one: one.house.admin.enable("ada"),
    AccountAct.ERASED: erase,
    AccountAct.EMERGENCY: end_everybodys_sessions,
    AccountAct.RESTORED: restore,
}


@pytest.mark.parametrize("by", AccountAct, ids=lambda by: by.value)
async def test_an_act_does_to_each_credential_what_the_table_says(house: House, by: AccountAct) -> None:
    one = await standing(house)
    assert {await one.stands(credential) for credential in Credential} == {Fate.STAYS}

    await ACTS[by](one)

    assert {credential: await one.stands(credential) for credential in Credential} == FATES[by]


@pytest.mark.parametrize("by", [AccountAct.DISABLED, AccountAct.DISOWNED], ids=lambda by: by.value)
async def test_enabling_wakes_none_of_them(house: House, by: AccountAct) -> None:
    one = await standing(house)
    await ACTS[by](one)
    before = {credential: await one.stands(credential) for credential in Credential}

    await house.admin.disable("ada")
    await house.admin.enable("ada")

    assert {credential: await one.stands(credential) for credential in Credential} == before
    assert Fate.STAYS not in before.values()


@pytest.mark.usefixtures("house")
async def test_a_table_with_a_person_and_a_secret_is_in_the_table_or_lets_nobody_in(house: House) -> None:
    found = {row["table_name"] for row in await house.pool.fetch(_SECRETS)}

    assert found <= TABLES.keys() | PROVE_NOTHING.keys(), "say in core/login/account_acts.py what each act does to it"
    assert TABLES.keys() <= found | {"logins"}
    assert {one for credentials in TABLES.values() for one in credentials} == {*Credential}


def test_the_table_has_every_cell() -> None:
    assert {act: [*fates] for act, fates in FATES.items()} == {act: [*Credential] for act in AccountAct}
