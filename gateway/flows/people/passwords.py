"""Compares passwords in a few threads with a short, fair queue, so that a storm of logins slows nothing but itself."""

import asyncio
import hmac
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar
from uuid import UUID

import bcrypt

from gateway.core.errors import GatewayError
from gateway.core.login.foreign import ForeignHash, decoy_of, matches
from gateway.core.login.imported import parse_imported, seal_imported
from gateway.core.login.password import BCRYPT_COST, StoredPassword, is_outdated, parse_stored, prehash
from gateway.core.login.turns import Turns
from gateway.core.privacy.sealing import NOBODY

T = TypeVar("T")

_PLACES: Final = 32
_DIGEST_CHARS: Final = 31  # of bcrypt's text, behind 29 of version, cost and salt
_OPERATOR: Final = ""
_MARGIN: Final = 1.25  # over what an imported hash took once, for a busier moment


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
        self._imported_s: dict[str, float] = {}  # how long a comparison of each imported kind takes

    async def verify(self, user_id: UUID | None, password: str, stored: str | None, caller: str = _OPERATOR) -> bool:
        """compare, and False leaves no sooner than the slowest imported hash would have let it."""
        is_right, took_s = await self._run(caller, _timed(self._comparison(user_id, password, stored)))
        if not is_right:
            await asyncio.sleep(max(self._imported_s.values(), default=0) - took_s)
        return is_right

    async def compare(self, user_id: UUID, password: str, stored: str, caller: str = _OPERATOR) -> bool:
        """stored: what the database has. caller: whose turn it takes. Raises PasswordsBusy."""
        return await self._run(caller, self._comparison(user_id, password, stored))

    async def pace(self, kinds: Collection[str]) -> None:
        """kinds: all that imported hashes have. Measures those that are new, and forgets the others.

        Raises PasswordsBusy.
        """
        for kind in self._imported_s.keys() - set(kinds):
            del self._imported_s[kind]
        for kind in set(kinds) - self._imported_s.keys():
            decoy = decoy_of(kind)
            if decoy is not None:
                _, took_s = await self._run(_OPERATOR, _timed(partial(matches, decoy, "")))
                self._imported_s[kind] = took_s * _MARGIN

    def seal_imported(self, user_id: UUID, foreign: ForeignHash) -> str:
        """What the database is to keep until the person logs in."""
        return seal_imported(self._current, self._peppers[self._current], user_id, foreign).text

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

    def _comparison(self, user_id: UUID | None, password: str, stored: str | None) -> Callable[[], bool]:
        """Work for a thread. stored None: nobody's; that, and what nothing could match, costs a wrong password."""
        if user_id is not None and stored is not None:
            parsed, imported = parse_stored(stored), parse_imported(stored)
            pepper = self._peppers.get(parsed.pepper_id) if parsed is not None else None
            if parsed is not None and pepper is not None:
                return partial(self._matches, user_id, password, parsed, pepper)
            sealed_with = self._peppers.get(imported.pepper_id) if imported is not None else None
            if imported is not None and sealed_with is not None:
                return partial(imported.opens, sealed_with, user_id, password)
        return partial(self._never_matches, password)

    def _never_matches(self, password: str) -> bool:
        self._matches(NOBODY, password, self._decoy, self._peppers[self._current])
        return False

    def _hash(self, user_id: UUID, password: str) -> StoredPassword:
        prepared = prehash(self._peppers[self._current], user_id, password)
        return StoredPassword(self._current, self._cost, bcrypt.hashpw(prepared, bcrypt.gensalt(self._cost)))

    def _matches(self, user_id: UUID, password: str, stored: StoredPassword, pepper: bytes) -> bool:
        found = bcrypt.hashpw(prehash(pepper, user_id, password), stored.hash)
        return hmac.compare_digest(found, stored.hash)


def _timed(work: Callable[[], T]) -> Callable[[], tuple[T, float]]:
    """Also how long it took, in seconds."""

    def timed() -> tuple[T, float]:
        began = time.perf_counter()
        return work(), time.perf_counter() - began

    return timed


def _turn_away(*waiting: "asyncio.Future[None]") -> None:
    for turn in waiting:
        if not turn.done():
            turn.set_exception(PasswordsBusy("too many passwords are being compared"))
