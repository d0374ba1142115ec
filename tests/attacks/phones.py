"""People with an authenticator app, and what they do with it."""

import asyncio
import time
from collections.abc import Awaitable, Iterable
from typing import Final

import pyotp

from gateway.core.login.one_time_codes import STEP_S, secret_text
from gateway.core.session.tokens import Token
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.people.issuing import SignedIn, Visit
from gateway.flows.people.login import AskedFactor
from gateway.flows.people.own_factors import NewCodes
from gateway.flows.people.second_step import Proven
from tests.attacks.conftest import House

VISIT: Final = Visit(None, "", "", "")


class Phone:
    """An authenticator app, and the recovery codes that came with it."""

    def __init__(self, secret: bytes, codes: tuple[str, ...] = ()) -> None:
        self.secret, self.codes = secret, codes

    def code(self, steps: int = 0) -> str:
        return pyotp.TOTP(secret_text(self.secret)).generate_otp(int(time.time()) // STEP_S + steps)


async def signed_in(house: House, name: str) -> LiveLogin:
    return await alive(house, await house.sign_in(name))


async def alive(house: House, token: Token) -> LiveLogin:
    live = await house.live(token)
    assert live is not None
    return live


async def confirmed(house: House, live: LiveLogin) -> None:
    """As if a mailed code had confirmed the login."""
    async with house.acts.begin() as act:
        await act.logins.set_confirmed(live.token.login_id, act.now)


async def enrol(house: House, live: LiveLogin) -> Phone:
    new = await house.factors.begin_app(live, "")
    made = await house.factors.confirm_app(live, Phone(new.secret).code(), "")
    assert isinstance(made, NewCodes)
    await let_time_pass(house)
    return Phone(new.secret, made.codes)


async def let_time_pass(house: House) -> None:
    """As if the last code had been used long ago: no test waits for the next 30 s."""
    async with house.pool.acquire() as connection:
        await connection.execute("UPDATE totp SET last_step = 0")


async def ada_with_phone(house: House) -> Phone:
    await house.add("ada")
    return await enrol(house, await signed_in(house, "ada"))


async def first_step(house: House, name: str = "ada", current: LiveLogin | None = None) -> str:
    """The attempt cookie."""
    asked = await house.attempt(name, current=current)
    assert isinstance(asked, AskedFactor)
    return asked.cookie


async def second_step(
    house: House, cookie: str, code: str, shown_for: str = "", current: LiveLogin | None = None
) -> Proven:
    waiting = await house.second.waiting(cookie)
    return await house.second.prove(
        cookie, shown_for or (waiting.user_id_text if waiting else ""), code, VISIT, current
    )


async def kinds(house: House) -> list[str]:
    async with house.pool.acquire() as connection:
        return [row["kind"] for row in await connection.fetch("SELECT kind FROM audit_entries ORDER BY id")]


async def stepped(house: House, phone: Phone) -> LiveLogin:
    """A login that has proven both."""
    await let_time_pass(house)
    outcome = await second_step(house, await first_step(house), phone.code())
    assert isinstance(outcome, SignedIn)
    live = await house.live(outcome.token)
    assert live is not None
    return live


async def at_once(proofs: Iterable[Awaitable[Proven]]) -> list[Proven]:
    """As many at a time as there are connections: on a slow machine the others would be told to come back."""
    turns = asyncio.Semaphore(8)

    async def in_turn(proof: Awaitable[Proven]) -> Proven:
        async with turns:
            return await proof

    return await asyncio.gather(*map(in_turn, proofs))
