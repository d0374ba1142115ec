"""Reads from Postgres whether a record lives, and what Redis is to know of it: of a login, a grant or an API key."""

from dataclasses import dataclass, replace
from typing import Final, TypeGuard
from uuid import UUID

from gateway.core.assurance.model import NO_PROOF
from gateway.core.oauth.grants import client_tag
from gateway.core.policy.client import own_user
from gateway.core.principal.ask import Presented, Reply
from gateway.core.session.login_record import Session
from gateway.core.session.person import Person
from gateway.core.session.tokens import tag_of
from gateway.core.token.access import grant_credential
from gateway.core.token.api_key import NEVER, KeyTerms, key_credential, terms_of
from gateway.core.units import DAY_S
from gateway.flows.act import Act
from gateway.stores.postgres.grants import GrantRow
from gateway.stores.postgres.logins import LoginRow
from gateway.stores.postgres.users import UserRow

_KEY_IDLE_S: Final = 10 * 365 * DAY_S  # a key does not idle: longer than a node goes without asking Postgres
_NOBODY: Final = UUID(int=0)  # an app that acts for itself is nobody's


@dataclass(frozen=True, slots=True)
class LiveRecord:
    """Unix seconds. idle_at: by what Postgres knows of its use. terms: what an API key may do."""

    person: Person
    expires_at: int
    idle_at: int
    idle_s: int
    sessions: tuple[Session, ...]
    terms: KeyTerms | None = None


async def read_record(
    act: Act, tag_key: bytes, presented: Presented, reply: Reply, *, confirm: bool
) -> LiveRecord | None:
    """None: it passes no more. confirm: Postgres hears that it was used. Raises RecordUnavailable."""
    if presented.kind == "grant":
        return await _read_grant(act, tag_key, presented, reply)
    if presented.kind == "key":
        return await _read_key(act, tag_key, presented, reply)
    logins, now = act.logins, reply.now_us // 1_000_000
    row = await (logins.confirm(presented.login_id, now) if confirm else logins.find(presented.login_id))
    user = None if row is None else await act.users.find(row.user_id)
    if row is None or row.ended or not _is_active(user, tag_key, presented):
        return None
    return _timely(_of_login(row, user), reply)


async def _read_grant(act: Act, tag_key: bytes, presented: Presented, reply: Reply) -> LiveRecord | None:
    """Of a grant that belongs to no login. Its use is no news to Postgres: what slides it is a token for it."""
    row = await act.grants.find(presented.login_id)
    if row is None or row.ended or row.kind == "login":
        return None
    if row.user_id is None:
        own = client_tag(tag_key, row.client) == presented.tag
        return _timely(_of_grant(row, Person(_NOBODY, own_user(row.client), "", "", (), 1)), reply) if own else None
    user = await act.users.find(row.user_id)
    if not _is_active(user, tag_key, presented):
        return None
    login = None if row.login_id is None else await act.logins.find(row.login_id)
    if login is None or login.expires_at <= reply.now_us // 1_000_000:
        # It has its login's assurance until that would have ended, then none (X5).
        row = replace(row, authenticated_at=0, mfa_at=0, amr=())
    return _timely(_of_grant(row, _person(user)), reply)


async def _read_key(act: Act, tag_key: bytes, presented: Presented, reply: Reply) -> LiveRecord | None:
    """It proves no recent login and no second factor, whatever it was made with (X5). That it is read is a use."""
    now = reply.now_us // 1_000_000
    row = await act.api_keys.find(presented.login_id)
    if row is None or not row.lives(now) or row.rests_at is not None:
        return None
    user = await act.users.find(row.user_id)
    if not _is_active(user, tag_key, presented):
        return None
    await act.api_keys.confirm(row.id, now)
    sessions = (Session(key_credential(row.hash), NO_PROOF, 0),)
    terms = terms_of(row.scopes, row.hosts, row.networks)
    ends_at = NEVER if row.expires_at is None else row.expires_at
    return LiveRecord(_person(user), ends_at, now + _KEY_IDLE_S, _KEY_IDLE_S, sessions, terms)


def _is_active(user: UserRow | None, tag_key: bytes, presented: Presented) -> TypeGuard[UserRow]:
    return user is not None and user.state == "active" and tag_of(tag_key, user.id) == presented.tag


def _timely(record: LiveRecord, reply: Reply) -> LiveRecord | None:
    """Idle counts from the last time that Postgres knows of, never from now (threats.md R7).

    Where Redis has the record and only misses the person, it judges idle itself: Postgres may not have heard of the
    record's use for as long as it was away.
    """
    now = reply.now_us // 1_000_000
    known_to_redis = reply.leases is not None and not reply.leases.login
    return record if record.expires_at > now and (known_to_redis or record.idle_at > now) else None


def _of_login(row: LoginRow, user: UserRow) -> LiveRecord:
    sessions = tuple(Session(one.credential, one.assurance, one.until) for one in row.sessions)
    return LiveRecord(_person(user), row.expires_at, row.last_seen_at + row.idle_s, row.idle_s, sessions)


def _of_grant(row: GrantRow, person: Person) -> LiveRecord:
    sessions = (Session(grant_credential(row.id), row.assurance, 0),)
    return LiveRecord(person, row.expires_at, row.last_used_at + row.idle_s, row.idle_s, sessions)


def _person(user: UserRow) -> Person:
    return Person(user.id, user.username, user.name, user.email, user.groups, user.version)
