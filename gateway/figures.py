"""Lists every metric that Bastion has, with its labels and their values."""

from dataclasses import dataclass
from typing import Final

from gateway.core.compliance.controls import BY_ID
from gateway.core.compliance.page import STATES
from gateway.core.jose.algorithms import SIGNING_ALGORITHMS
from gateway.core.oauth.errors import ERRORS
from gateway.core.oauth.grants import GRANT_TYPES
from gateway.core.outbox.kinds import MessageKind
from gateway.core.outcomes import OUTCOMES, PROOF_OUTCOMES
from gateway.core.privacy.retention import RETENTION_RULES
from gateway.core.webhooks.endpoint import MOST_ENDPOINTS

_MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Counter:
    """Only grows. label: with a closed set of values, known before the workers start. Several labels, and their
    values, have a blank between them.
    """

    name: str
    about: str
    label: str = ""
    values: tuple[str, ...] = ("",)


@dataclass(frozen=True, slots=True)
class Gauge:
    """A level of each worker; the sum is shown. A worker that dies takes its levels with it. label: as of Counter.

    named: the values of the label are named while the worker runs, at most so many.
    """

    name: str
    about: str
    label: str = ""
    values: tuple[str, ...] = ("",)
    named: int = 0


@dataclass(frozen=True, slots=True)
class Histogram:
    """Whole numbers that are observed. bounds: upper bounds, growing. unit: how many make one of what is shown.

    label: as of Counter.
    """

    name: str
    about: str
    bounds: tuple[int, ...]
    unit: int = _MICROSECONDS
    label: str = ""
    values: tuple[str, ...] = ("",)


Figure = Counter | Gauge | Histogram
ADMIN_REQUESTS: Final = tuple(
    f"{way} {outcome}" for way in ("page", "api") for outcome in ("answered", "refused", "failed")
)
JOBS: Final = (
    "linker",
    "unknown_names",
    "attempts",
    "factor_resets",
    "lockouts",
    "outbox",
    "authorization",
    "signing_keys",
    "master_keys",
    "grants",
    "removed_clients",
    "risk",
    "beyond_mail",
    "notices",
    "erasures",
    "settings",
    "consoles",
    "session_ending",
    "retention",
    "controls",
    "webhooks",
    "refusals",
    "sign_ins",
)
OAUTH_ENDPOINTS: Final = ("authorize", "par", "token", "userinfo", "introspect", "revoke", "metadata")
OAUTH_REFUSALS: Final = tuple(f"{endpoint} {error}" for endpoint in OAUTH_ENDPOINTS for error in ERRORS)
BREACH_SOURCES: Final = ("api", "index")
LOGIN_OUTCOMES: Final = ("accepted", "step_up", "blocked", "wrong", "locked", "throttled", "abandoned", "unavailable")
FACTOR_CHECKS: Final = tuple(
    f"{factor} {outcome}"
    for factor, outcomes in {
        "totp": ("accepted", "wrong"),
        "recovery_code": ("accepted", "wrong"),
        "passkey": ("accepted", "wrong", "expired", "not_verified", "suspended"),
    }.items()
    for outcome in outcomes
)
CONTROL_STATES: Final = tuple(f"{control} {state}" for control in BY_ID for state in STATES)
MOST_MASTER_KEYS: Final = 16  # that are shown
LICENCE_STATES: Final = ("community", "valid", "grace", "expired", "not_yet", "broken", "clock_behind")
_MESSAGE_KINDS: Final = tuple(kind.value for kind in MessageKind if kind.is_sent)
_MESSAGES: Final = tuple(f"{kind} {state}" for kind in _MESSAGE_KINDS for state in ("waiting", "dead"))
FIGURES: Final[tuple[Figure, ...]] = (
    Counter("bastion_decisions", "Decisions by outcome.", "outcome", OUTCOMES),
    Histogram(
        "bastion_decision_seconds",
        "From the last byte of the request to the first byte of the answer.",
        (100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000, 1_000_000),
    ),
    Counter(
        "bastion_refusals", "Denied and limited requests, kept for the console or not.", "outcome", ("kept", "dropped")
    ),
    Gauge("bastion_strangers_waiting", "Anonymous requests that wait in the queue."),
    Counter("bastion_proofs", "DPoP proofs that came with requests to apps.", "outcome", PROOF_OUTCOMES),
    Counter("bastion_logins", "Attempts to log in.", "outcome", LOGIN_OUTCOMES),
    Counter("bastion_factor_checks", "Codes and passkeys that came.", "factor outcome", FACTOR_CHECKS),
    Counter(
        "bastion_breach_checks",
        "Passwords that were looked up among the breached ones.",
        "source outcome",
        tuple(f"{source} {outcome}" for source in BREACH_SOURCES for outcome in ("clear", "found", "not_checked")),
    ),
    Histogram(
        "bastion_login_score",
        "The risk score of logins with the right password.",
        (9, 19, 29, 39, 49, 59, 69, 79, 89, 99),
        unit=1,
    ),
    Gauge("bastion_geoip_age_seconds", "How long ago the GeoIP file was built; 0 without a file."),
    Counter("bastion_admin_requests", "Requests to the console and its API.", "way outcome", ADMIN_REQUESTS),
    Counter("bastion_logouts", "Logins that their person ended."),
    Counter(
        "bastion_refills",
        "Records copied from Postgres to Redis.",
        "outcome",
        ("filled", "refused", "busy", "unavailable"),
    ),
    Counter("bastion_policy_loads", "Policies that were read.", "outcome", ("accepted", "refused")),
    Gauge("bastion_settings_revision", "The revision of changed settings that the first worker of a node enforces."),
    Gauge("bastion_settings_behind", "Workers that can't follow what was changed in the console."),
    Gauge("bastion_policy_stale", "Workers that serve an older policy because they refused the newest."),
    Counter(
        "bastion_checkpoint_deliveries",
        "Checkpoints of the audit log for the webhook.",
        "outcome",
        ("delivered", "failed", "dropped"),
    ),
    Gauge("bastion_audit_unlinked", "Committed entries of the audit log that no link holds yet."),
    Histogram(
        "bastion_audit_link_seconds",
        "How long the oldest entry that a round of the linker found had waited.",
        (1, 2, 5, 10, 30, 60, 300),
        unit=1,
    ),
    Counter(
        "bastion_logout_deliveries",
        "Logout tokens for apps, also needless ones.",
        "outcome",
        ("delivered", "failed"),
    ),
    Counter("bastion_mail_deliveries", "Mail to people.", "outcome", ("delivered", "failed")),
    Counter("bastion_webhook_deliveries", "Events for webhook endpoints.", "outcome", ("delivered", "failed")),
    Gauge(
        "bastion_webhook_behind",
        "Entries of the audit log that a webhook endpoint has not got yet.",
        "endpoint",
        (),
        named=MOST_ENDPOINTS,
    ),
    Gauge("bastion_webhook_endpoints", "Webhook endpoints.", "state", ("active", "failing", "paused")),
    Gauge("bastion_outbox", "Messages that wait to be delivered, and dead letters.", "kind state", _MESSAGES),
    Gauge("bastion_outbox_oldest_seconds", "The age of the oldest waiting message.", "kind", _MESSAGE_KINDS),
    Counter("bastion_oauth_refusals", "Errors that apps were told.", "endpoint error", OAUTH_REFUSALS),
    Gauge("bastion_backup_age_seconds", "How long ago the last backup was made; without one, since 1970."),
    Gauge("bastion_erasures", "Erasures that are asked for, or begun and not done.", "state", ("asked", "unfinished")),
    Counter(
        "bastion_retention_rows",
        "Logins, messages, months, runs of controls and people that retention took.",
        "rule",
        RETENTION_RULES,
    ),
    Counter("bastion_job_failures", "Rounds of background work that failed or hung.", "job", JOBS),
    Histogram(
        "bastion_job_seconds",
        "How long rounds of background work took.",
        (10_000, 100_000, 1_000_000, 10_000_000, 60_000_000, 600_000_000),
        label="job",
        values=JOBS,
    ),
    Gauge(
        "bastion_keys_rows",
        "Keys in the database that a master key wraps.",
        "key",
        (),
        named=MOST_MASTER_KEYS,
    ),
    Gauge(
        "bastion_signing_keys",
        "Keys that sign tokens, as each node knows them.",
        "alg state",
        tuple(f"{alg} {state}" for alg in SIGNING_ALGORITHMS for state in ("next", "active", "retiring")),
    ),
    Gauge("bastion_signing_key_copies_missing", "Signing keys of which a node could not write its copy to disk."),
    Counter("bastion_tokens_issued", "Answers with tokens.", "grant", GRANT_TYPES),
    Counter(
        "bastion_refreshes",
        "Exchanges of refresh tokens.",
        "outcome",
        ("rotated", "repeated", "reused", "refused"),
    ),
    Counter(
        "bastion_jwks_fetches",
        "Fetches of keys that clients publish at a URL.",
        "outcome",
        ("fetched", "unreachable", "malformed"),
    ),
    Counter("bastion_store_failures", "Calls that a store did not answer.", "store", ("postgres", "redis")),
    Counter("bastion_errors", "Requests that failed because of a bug in Bastion."),
    Gauge("bastion_control", "1 for the state of each control.", "control state", CONTROL_STATES),
    Gauge("bastion_licence", "1 for the state of the licence.", "state", LICENCE_STATES),
    Gauge("bastion_workers", "Workers that serve now."),
    Counter("bastion_worker_starts", "Starts of workers."),
)
