"""What the tests of controls look at, and the fault and the mend of each control that looks at tables."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from gateway.core.compliance.controls import BY_ID, JudgedControl
from gateway.core.units import DAY_S
from gateway.flows.compliance.control_run import ControlRun, Installation
from tests.attacks.conftest import AUTH_HOST, House
from tests.core.policy.build import policy_of

EVERY_S: Final = 3600
GOOD: Final = policy_of(
    "apps: {a: {hosts: a.t.example, allow: {groups: staff}}}\n"
    "tests: [{request: 'GET https://a.t.example/', as: {groups: [staff]}, expect: allow}]"
)


def installation_of(house: House, **changed: object) -> Installation:
    """changed: fields of Installation."""
    plain = Installation(
        policy=lambda: GOOD,
        servers=house.functions.servers,
        off=frozenset(),
        auth_host=AUTH_HOST,
        mfa_groups=("staff",),
        consent_enforced=True,
        lockout_failures=10,
        retention_rules=("ended_logins", "deliveries"),
    )
    return replace(plain, **changed)  # type: ignore[arg-type]  # the fields' own types


def run_of(house: House, **changed: object) -> ControlRun:
    return ControlRun(house.acts, installation_of(house, **changed), EVERY_S)


async def judged(house: House, control: str, **changed: object) -> JudgedControl:
    """As a run would judge it now; nothing is kept."""
    async with house.acts.begin() as act:
        return await run_of(house, **changed)._judge(act, BY_ID[control])


async def state(house: House, control: str, **changed: object) -> str:
    return (await judged(house, control, **changed)).result.value


async def results(house: House, run: int, at: int) -> None:
    """A run of two controls, as one may have been."""
    await house.pool.execute(
        "INSERT INTO control_results (run, control, definition, at, every_s, result, evidence)"
        " SELECT $1, unnest(ARRAY['a', 'b']), sha256(''), $2, 3600, 'pass', '{}'",
        run, at,
    )  # fmt: skip


_LOGIN: Final = (
    "INSERT INTO logins (id, user_id, created_at, persistent, idle_s, expires_at, last_seen_at, sealed)"
    " SELECT decode(repeat('{id}', 16), 'hex'), id, {now} - 10, true, 60, {now} + {lasts}, {now}, '' FROM users"
)
_ENTRY: Final = (
    "INSERT INTO audit_entries (kind, at, actor, detail, personal, request_id)"
    " VALUES ('{kind}', {now}, '{actor}', '{{}}', '', '')"
)
_VERIFIED: Final = (
    "INSERT INTO audit_entries (kind, at, actor, detail, personal, request_id)"
    " SELECT 'audit_verified', {{now}} - {ago}, 'x',"
    " json_build_object('outcome', '{outcome}', 'tables', '{tables}')::text, '', ''"
)
_WORKER: Final = (
    "INSERT INTO policy_workers (node, worker, version, refused, wish, seen_at)"
    " VALUES ('n', {number}, '{version}', '', 0, to_timestamp({now}))"
)


def _of(text: str, **more: object) -> str:
    """{now} stays to be filled in."""
    return text.format(now="{now}", **more)


# Where ada is the one person, and was added now. Statements with {now}: what brings the fault about, what mends it.
FAULTS: Final[Mapping[str, tuple[str, str]]] = {
    "mfa-coverage": (
        f"UPDATE users SET created_at = {{now}} - {15 * DAY_S}",
        (
            "INSERT INTO totp (id, user_id, sealed, created_at, confirmed_at)"
            " SELECT decode(repeat('ab', 16), 'hex'), id, '', 0, {now} FROM users"
        ),
    ),
    "owners-with-passkey": (
        "INSERT INTO admin_roles (user_id, role, granted_at) SELECT id, 'owner', {now} FROM users",
        (
            "INSERT INTO passkeys (hash, user_id, sealed, device_bound, alone, sign_count, created_at)"
            " SELECT decode(repeat('ab', 32), 'hex'), id, '', true, true, 0, {now} FROM users"
        ),
    ),
    "stale-accounts": (
        f"UPDATE users SET created_at = {{now}} - {91 * DAY_S}",
        _of(_LOGIN, id="ab", lasts=60),
    ),
    "session-lifetimes": (
        _of(_LOGIN, id="ab", lasts=90 * DAY_S),
        "UPDATE logins SET ended_at = {now}, ended_why = 'logout'",
    ),
    "review-current": (
        "INSERT INTO reviews (group_name, policy, begun_at, begun_by, due_at) VALUES ('', 'v', 0, 'x', {now} - 1)",
        "UPDATE reviews SET finished_at = {now}, finished_by = 'x'",
    ),
    "api-key-age": (
        (
            "INSERT INTO api_keys (id, user_id, sealed, hash, scope, hosts, networks, created_at)"
            " SELECT decode(repeat('ab', 16), 'hex'), id, '', decode(repeat('ab', 32), 'hex'), '{{}}', '{{a}}', '{{}}',"
            f" {{now}} - {366 * DAY_S} FROM users"
        ),
        "UPDATE api_keys SET created_at = {now}",
    ),
    "chain-verified": (
        _VERIFIED.format(outcome="fault", tables="same", ago=0),
        _VERIFIED.format(outcome="whole", tables="differ", ago=0),
    ),
    "cross-check-clean": (
        "; ".join(
            (
                _VERIFIED.format(outcome="whole", tables="same", ago=31 * DAY_S),
                _VERIFIED.format(outcome="whole", tables="not_compared", ago=0),
            )
        ),
        _VERIFIED.format(outcome="fault", tables="same", ago=0),
    ),
    "checkpoints-off-host": (
        (
            "INSERT INTO outbox (kind, destination, position, sealed, digest, made_at)"
            f" VALUES ('checkpoint', 'd', 5, '', '', to_timestamp({{now}} - {DAY_S + 60}))"
        ),
        "UPDATE outbox SET state = 'done', done_at = now()",
    ),
    "endpoints-failing": (
        (
            "INSERT INTO endpoints (id, wrapped, filter, ordered, personal, cursor, failing_since)"
            f" VALUES ('ep_aaaaaaaa', '', '{{{{}}}}', false, false, 0, to_timestamp({{now}} - {DAY_S + 60}))"
        ),
        "UPDATE endpoints SET failing_since = NULL",
    ),
    "config-same-on-nodes": (
        _of(_WORKER, number=0, version="v1") + "; " + _of(_WORKER, number=1, version="v2"),
        "UPDATE policy_workers SET version = 'v2'",
    ),
    "backup-age": (
        "SELECT 1",
        _of(_ENTRY, kind="backup_made", actor="cli:root").replace("'{}'", "'{{}}'"),
    ),
    "restore-tried": (
        "SELECT 1",
        _of(_ENTRY, kind="backup_verified", actor="cli:root").replace("'{}'", "'{{}}'"),
    ),
    "master-key-age": (
        f"DELETE FROM master_state; INSERT INTO master_state (active, since) VALUES ('a', {{now}} - {366 * DAY_S})",
        "UPDATE master_state SET since = {now}",
    ),
    "erasures-on-time": (
        (
            "INSERT INTO erasure_requests (user_id, own, reason, asked_at, due_at)"
            f" SELECT id, true, '', 0, {{now}} - {DAY_S + 60} FROM users"
        ),
        "DELETE FROM erasure_requests",
    ),
    "consent-current": (
        "INSERT INTO consent_documents (kind, version, language, text, digest, required_from, published_at)"
        " VALUES ('terms', '1', 'en', 'x', decode(repeat('ab', 32), 'hex'), {now} - 100, {now} - 100); "
        + _of(_LOGIN, id="cd", lasts=60)
        + "; INSERT INTO sessions (login_id, credential, host, created_at, authenticated_at, mfa_at)"
        " SELECT id, id, 'wiki.example.org', {now}, {now}, 0 FROM logins",
        (
            "INSERT INTO consent_records (user_id, kind, version, language, digest, action, at, login, sealed)"
            " SELECT id, 'terms', '1', 'en', decode(repeat('ab', 32), 'hex'), 'accepted', {now} - 5, '', '' FROM users"
        ),
    ),
    "retention-ran": (
        "INSERT INTO retention_runs (rule, at, taken, stopped) VALUES ('ended_logins', {now}, 0, 'clock')",
        "INSERT INTO retention_runs (rule, at, taken, stopped) VALUES ('ended_logins', {now}, 0, '')",
    ),
}
