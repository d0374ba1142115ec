"""Makes Redis follow what Postgres has committed: ends, changes, and the one-time codes of the hand-off."""

from gateway.core.principal.ask import RecordKind
from gateway.stores.redis.decisions import Functions, tell
from gateway.stores.redis.wire import code_key, login_key, person_key, record_key


class Revocations:
    """Each is one round trip and raises StoreUnavailable; doing it again does no harm."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    async def end(self, kind: RecordKind, tag: str, record: str) -> None:
        """Over on all nodes and hosts when this returns; also for a refill that is under way."""
        await tell(self._functions, "finish", [record_key(kind, tag, record)])

    async def stale_login(self, tag: str, login: str) -> None:
        """The next decision asks Postgres."""
        await tell(self._functions, "stale", [login_key(tag, login)])

    async def stale_person(self, tag: str) -> None:
        """State, groups or names have changed: the next decision of any of their logins asks Postgres."""
        await tell(self._functions, "stale", [person_key(tag)])

    async def offer(self, tag: str, code_hash: str, host: str) -> None:
        """The code may be claimed once within 30 s, for this host."""
        await tell(self._functions, "offer", [code_key(tag, code_hash)], host)

    async def deny_until(self, tag: str, login: str, until: int) -> None:
        """Over, although Postgres could not be told. until: Unix seconds (threats.md R13)."""
        await tell(self._functions, "deny", [login_key(tag, login)], until)
