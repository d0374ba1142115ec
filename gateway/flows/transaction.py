"""One Postgres transaction for a flow, with one name for every way in which Postgres may not answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Literal

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from gateway.core.errors import StoreOutage
from gateway.stores.postgres.database import NotConnected
from gateway.stores.postgres.outage import lack_of_privileges
from gateway.stores.reasons import reason_of

_ACQUIRE_S: Final = 2.0
# Whatever says that Postgres can't do it now; a mistake in our SQL is none of them.
GONE: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # only a replica answers, or the connection was cut in the middle of a message
    asyncpg.OperatorInterventionError,  # shuts down, starts up, was told to cancel
    asyncpg.InsufficientResourcesError,  # too many connections, a full disk
    asyncpg.PostgresSystemError,
    asyncpg.TransactionRollbackError,  # a deadlock
    asyncpg.InvalidAuthorizationSpecificationError,  # our password was changed
    asyncpg.InvalidCatalogNameError,
    asyncpg.ReadOnlySQLTransactionError,
)


class RecordUnavailable(StoreOutage):
    """Postgres, the record of truth, does not answer: whether the act happened is not known."""


class GaveWay(RecordUnavailable):
    """Somebody else holds a row for longer than this transaction waits: nothing happened, and it may begin anew."""


class NotAllowed(StoreOutage):
    """The role may connect, and not do what we need. It does not pass by itself, so it is not RecordUnavailable."""


@asynccontextmanager
async def transaction(
    pool: "asyncpg.Pool[asyncpg.Record]", *, snapshot: bool = False
) -> AsyncIterator["PoolConnectionProxy[asyncpg.Record]"]:
    """Commits at the end of the block. Raises RecordUnavailable, of which GaveWay is one, or NotAllowed.

    snapshot: all that is read in it is of one moment.
    """
    isolation: Literal["repeatable_read"] | None = "repeatable_read" if snapshot else None
    try:
        async with pool.acquire(timeout=_ACQUIRE_S) as connection, connection.transaction(isolation=isolation):
            yield connection
    except NotConnected as error:
        raise RecordUnavailable(error.outage) from error
    except asyncpg.LockNotAvailableError as error:
        raise GaveWay("somebody else holds what this transaction needs") from error
    except TimeoutError as error:
        raise RecordUnavailable("Postgres has no free connection, or does not answer in time") from error
    except GONE as error:
        raise RecordUnavailable(f"Postgres does not answer: {reason_of(error)}") from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise NotAllowed(lack_of_privileges(error)) from error
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
        raise RecordUnavailable("the schema is not of this version: run bastion migrate") from error
