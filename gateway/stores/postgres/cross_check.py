"""Reads the rows that the audit log tells whole, without opening anything that is sealed."""

from typing import Final

import asyncpg

from gateway.core.audit.cross_check import RowFacts, RowName
from gateway.core.base64url import b64
from gateway.stores.postgres.database import AnyConnection

_PEOPLE: Final = """
    SELECT u.id::text AS key, u.state, u.groups,
           (SELECT count(*) FROM totp t WHERE t.user_id = u.id AND t.confirmed_at IS NOT NULL) AS "authenticator apps",
           (SELECT count(*) FROM passkeys p WHERE p.user_id = u.id) AS passkeys,
           count(c.hash) FILTER (WHERE c.kind = 'recovery') AS "recovery codes",
           count(c.hash) FILTER (WHERE c.kind = 'operator') AS "operator codes"
      FROM users u LEFT JOIN recovery_codes c ON c.user_id = u.id AND c.used_at IS NULL
     WHERE u.id > $1 GROUP BY u.id ORDER BY u.id LIMIT $2
"""
_API_KEYS: Final = """
    SELECT id AS key, user_id::text, ended_at IS NOT NULL AS ended, scope AS scopes, hosts, networks,
           coalesce(expires_at, 0) AS expires_at
      FROM api_keys
"""
_SIGNING_KEYS: Final = """
    SELECT kid AS key, alg, active_from, retire_at, compromised_at IS NOT NULL AS compromised FROM signing_keys
"""
_CLIENTS: Final = """
    SELECT id AS key, state, settings, encode(sha256(convert_to(settings::text, 'UTF8')), 'hex') AS digest FROM clients
"""
# An end of sessions has a number, which its entry does not have.
_SETTINGS: Final = """
    SELECT key, value, until, revision FROM settings WHERE NOT starts_with(key, 'emergency.end-sessions.')
"""
_TABLES: Final = {"api_keys": _API_KEYS, "signing_keys": _SIGNING_KEYS, "clients": _CLIENTS, "settings": _SETTINGS}
_FIRST: Final = "00000000-0000-0000-0000-000000000000"
_PAGE: Final = 10_000


async def rows_told(connection: AnyConnection) -> dict[RowName, RowFacts]:
    """By table and key, with the columns that gateway/core/audit/cross_check.py compares."""
    found: dict[RowName, RowFacts] = {}
    last = _FIRST
    while page := await connection.fetch(_PEOPLE, last, _PAGE):
        found |= dict(_row("users", row) for row in page)
        last = page[-1]["key"]
    for table, statement in _TABLES.items():
        found |= dict(_row(table, row) for row in await connection.fetch(statement))
    return found


def _row(table: str, row: asyncpg.Record) -> tuple[RowName, RowFacts]:
    facts = dict(row)
    key = facts.pop("key")
    return RowName(table, b64(key) if isinstance(key, bytes) else key), facts
