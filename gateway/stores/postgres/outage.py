"""Says which Postgres can't be used, why, and what the operator does about it."""

import socket
import ssl
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
from asyncpg.exceptions import TargetServerAttributeNotMatched

from gateway.core.errors import Outage
from gateway.stores.reasons import account, exists, reason_of


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """As database.url names it, without the password. where: hosts, or the directory of a socket."""

    where: str
    database: str
    role: str

    @classmethod
    def of(cls, url: str) -> "DatabaseServer":
        """What the URL leaves out is as it is without variables such as PGHOST."""
        parts = urlsplit(url)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        role = unquote(parts.username or "") or query.get("user") or account()
        database = unquote(parts.path.lstrip("/")) or query.get("dbname") or query.get("database") or role
        hosts = unquote(parts.netloc.rpartition("@")[2]) or query.get("host")
        return cls(hosts or "its usual socket or localhost", database, role)

    def __str__(self) -> str:
        return f"Postgres at {self.where} (database {self.database}, role {self.role})"


def outage_of(error: Exception, server: DatabaseServer) -> Outage:
    """Of an attempt to connect."""
    return Outage(reason_of(error), str(server), _advice(error, server))


def lack_of_privileges(error: asyncpg.InsufficientPrivilegeError) -> Outage:
    """Of a role that may connect, and not do what we need."""
    advice = "as an administrator, run the SQL of `bastion migrate --roles`, then `bastion migrate` (docs/install.md)"
    return Outage(f"Postgres refuses: {error}", advice=advice)


def _advice(error: Exception, server: DatabaseServer) -> str:
    match error:
        case asyncpg.InvalidAuthorizationSpecificationError():  # also of a wrong password
            return _advice_on_login(error, server)
        case asyncpg.InvalidCatalogNameError():
            return f"name another in database.url, or: createdb -O {server.role} {server.database}"
        case asyncpg.InsufficientPrivilegeError():
            return f"as an administrator: GRANT CONNECT ON DATABASE {server.database} TO {server.role}"
        case asyncpg.TooManyConnectionsError():
            return "raise max_connections of Postgres, or lower database.pool_size or server.workers"
        case asyncpg.CannotConnectNowError():
            return "it is starting or shutting down"
        case TargetServerAttributeNotMatched():
            return "only a standby answers: name the primary in database.url too, or promote the standby"
        case OSError():
            return _advice_on_network(error)
        case _:
            return ""


def _advice_on_login(error: asyncpg.PostgresError, server: DatabaseServer) -> str:
    """Postgres tells these apart by words only, and in its own language; unknown words are no harm."""
    text, role = str(error), server.role
    if text.startswith("Peer authentication failed"):
        return _advice_on_account(role)
    if "does not exist" in text:
        return f"name another role in database.url, or: createuser {role}"
    if "pg_hba.conf" in text:
        return "add a line for this database, role and address to pg_hba.conf, and reload Postgres"
    if "not permitted to log in" in text:
        return f"as an administrator: ALTER ROLE {role} LOGIN"
    if "password" in text:
        return f"give the password of {role} in database.url, or set it anew: ALTER ROLE {role} PASSWORD '...'"
    return ""


def _advice_on_account(role: str) -> str:
    """Over a socket with `peer`, Postgres lets in the account of the role's name."""
    let_in = f"you are {account()}; this database lets the account `{role}` in"
    if exists(role):
        return f"{let_in}: sudo -u {role} ..."
    return f"{let_in}, which this machine has not: create it, or name another role in database.url"


def _advice_on_network(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return (
                "start Postgres, or correct the directory of its socket in database.url (SHOW unix_socket_directories)"
            )
        case ConnectionRefusedError() | TimeoutError():
            return "start Postgres, or correct host and port in database.url"
        case PermissionError():
            return "let the account into the directory of the socket"
        case socket.gaierror():
            return "correct the host in database.url"
        case ssl.SSLError():
            return "correct sslmode or sslrootcert in database.url"
        case _:
            return "start Postgres, or correct database.url"
