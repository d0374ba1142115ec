"""Compares passwords in a few threads with a short, fair queue, so that a storm of logins slows nothing but itself."""

import asyncio
import hmac
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar
from uuid import UUID

import bcrypt

from gateway.core.errors import GatewayError
from gateway.core.login.password import BCRYPT_COST, StoredPassword, is_outdated, parse_stored, prehash
from gateway.core.login.turns import Turns
from gateway.core.privacy.sealing import NOBODY

T = TypeVar("T")

_PLACES: Final = 32
_DIGEST_CHARS: Final = 31  # of bcrypt's text, behind 29 of version, cost and salt
_OPERATOR: Final = ""


class PasswordsBusy(GatewayError):
    """More people log in than this node can compare passwords for; they may come back in a moment."""


class Passwords:
    """peppers: by id; the first is for new hashes. An unknown person costs the time of a wrong password."""

    def __init__(self, peppers: Mapping[str, bytes], threads: int, cost: int = BCRYPT_COST) -> None:
        self._peppers = peppers
        self._current = next(iter(peppers))
        self._cost = cost
        self._free = threads
        self._closed = False
        self._turns: Turns[asyncio.Future[None]] = Turns(_PLACES)
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="bcrypt")
        # Nobody's: bcrypt takes the cost and the salt of a stored hash, and what it makes of them is never looked at.
        self._decoy = StoredPassword(self._current, cost, bcrypt.gensalt(cost) + b"." * _DIGEST_CHARS)

    async def verify(self, user_id: UUID | None, password: str, stored: str | None, caller: str = _OPERATOR) -> bool:
        """stored: what the database has, None for nobody's. caller: whose turn it takes. Raises PasswordsBusy."""
        parsed = parse_stored(stored) if stored is not None else None
        pepper = self._peppers.get(parsed.pepper_id) if parsed is not None else None
        if user_id is None or parsed is None or pepper is None:
            await self._run(caller, lambda: self._matches(NOBODY, password, self._decoy, self._peppers[self._current]))
            return False
        return await self._run(caller, lambda: self._matches(user_id, password, parsed, pepper))

    async def hash(self, user_id: UUID, password: str, caller: str = _OPERATOR) -> str:
        """What the database is to keep. caller: whose turn it takes. Raises PasswordsBusy."""
        return await self._run(caller, lambda: self._hash(user_id, password).text)

    async def work(self, work: Callable[[], T], caller: str = _OPERATOR) -> T:
        """What costs about as much as comparing one. caller: whose turn it takes. Raises PasswordsBusy."""
        return await self._run(caller, work)

    def is_outdated(self, stored: str) -> bool:
        """Whether a password that just matched is to be stored anew."""
        parsed = parse_stored(stored)
        return parsed is None or is_outdated(parsed, self._current)

    def close(self) -> None:
        """Who waits is turned away, and who comes later. What has a thread is compared to its end."""
        self._closed = True
        while len(self._turns):
            turn = self._turns.take()
            _turn_away(turn.item, *turn.late)
        self._executor.shutdown(wait=False)

    async def _run(self, caller: str, work: Callable[[], T]) -> T:
        if not self._closed:
            await self._turn(caller)
        if self._closed:
            raise PasswordsBusy("no more passwords are compared here")
        running = asyncio.get_running_loop().run_in_executor(self._executor, work)
        running.add_done_callback(lambda _: self._pass_on())
        # Whoever hangs up leaves the thread at work: it is free when it has ended, not before.
        return await asyncio.shield(running)

    async def _turn(self, caller: str) -> None:
        """Returns when a thread is free for this caller. Raises PasswordsBusy."""
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        pushed_out = self._turns.join(caller, turn)
        if pushed_out is not None:
            _turn_away(pushed_out)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled() or turn.exception() is not None:
                self._turns.leave(caller, turn)
            else:
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """A thread is free: the next one's turn."""
        while len(self._turns):
            turn = self._turns.take()
            _turn_away(*turn.late)
            if not turn.item.done():
                turn.item.set_result(None)
                return
        self._free += 1

    def _hash(self, user_id: UUID, password: str) -> StoredPassword:
        prepared = prehash(self._peppers[self._current], user_id, password)
        return StoredPassword(self._current, self._cost, bcrypt.hashpw(prepared, bcrypt.gensalt(self._cost)))

    def _matches(self, user_id: UUID, password: str, stored: StoredPassword, pepper: bytes) -> bool:
        found = bcrypt.hashpw(prehash(pepper, user_id, password), stored.hash)
        return hmac.compare_digest(found, stored.hash)


def _turn_away(*waiting: "asyncio.Future[None]") -> None:
    for turn in waiting:
        if not turn.done():
            turn.set_exception(PasswordsBusy("too many passwords are being compared"))
