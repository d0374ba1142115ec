"""Compares passwords in a few threads with a short queue, so that a storm of logins slows nothing but itself."""

import asyncio
import hmac
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar
from uuid import UUID

import bcrypt

from gateway.core.errors import GatewayError
from gateway.core.login.password import BCRYPT_COST, StoredPassword, is_outdated, parse_stored, prehash
from gateway.core.privacy.sealing import NOBODY

T = TypeVar("T")

_QUEUE: Final = 32


class PasswordsBusy(GatewayError):
    """More people log in than this node can compare passwords for; they may come back in a moment."""


class Passwords:
    """peppers: by id; the first is for new hashes. An unknown person costs the time of a wrong password."""

    def __init__(self, peppers: Mapping[str, bytes], threads: int, cost: int = BCRYPT_COST) -> None:
        self._peppers = peppers
        self._current = next(iter(peppers))
        self._cost = cost
        self._limit = threads + _QUEUE
        self._pending = 0
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="bcrypt")
        # Of a password that nobody knows. Made now, so that the first unknown name costs no more than the second.
        self._decoy = self._executor.submit(lambda: self._hash(NOBODY, bcrypt.gensalt().decode()))

    async def verify(self, user_id: UUID | None, password: str, stored: str | None) -> bool:
        """stored: what the database has, None for nobody's. Raises PasswordsBusy."""
        parsed = parse_stored(stored) if stored is not None else None
        pepper = self._peppers.get(parsed.pepper_id) if parsed is not None else None
        if user_id is None or parsed is None or pepper is None:
            decoy = await asyncio.wrap_future(self._decoy)
            await self._run(lambda: self._matches(NOBODY, password, decoy, self._peppers[self._current]))
            return False
        return await self._run(lambda: self._matches(user_id, password, parsed, pepper))

    async def hash(self, user_id: UUID, password: str) -> str:
        """What the database is to keep. Raises PasswordsBusy."""
        return await self._run(lambda: self._hash(user_id, password).text)

    def is_outdated(self, stored: str) -> bool:
        """Whether a password that just matched is to be stored anew."""
        parsed = parse_stored(stored)
        return parsed is None or is_outdated(parsed, self._current)

    def close(self) -> None:
        """What is queued is dropped."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._pending >= self._limit:
            raise PasswordsBusy("too many passwords are being compared")
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        finally:
            self._pending -= 1

    def _hash(self, user_id: UUID, password: str) -> StoredPassword:
        prepared = prehash(self._peppers[self._current], user_id, password)
        return StoredPassword(self._current, self._cost, bcrypt.hashpw(prepared, bcrypt.gensalt(self._cost)))

    def _matches(self, user_id: UUID, password: str, stored: StoredPassword, pepper: bytes) -> bool:
        found = bcrypt.hashpw(prehash(pepper, user_id, password), stored.hash)
        return hmac.compare_digest(found, stored.hash)
