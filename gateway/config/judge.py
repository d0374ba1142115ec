"""Owns what is unsafe about a configuration that is well-formed: refused in production, said loudly in dev."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import parse_qs, urlsplit

from gateway.config.development import DEVELOPMENT_SECRETS
from gateway.config.model import LOGIN_LIMIT, Config, RedisSection
from gateway.core.policy.networks import unmapped

_LEAST_DISTINCT_BYTES: Final = 12  # of 32; random bytes have fewer once in 10^17
_KNOWN_PASSWORDS: Final = frozenset({"bastion", "postgres", "password", "changeme", "change-me", "secret", "redis"})


@dataclass(frozen=True, slots=True)
class Finding:
    """key: dotted name. wrong: the two cannot both hold, in no profile; else it is only unsafe."""

    key: str
    message: str
    wrong: bool = False


def judge(config: Config) -> tuple[Finding, ...]:
    """All findings at once, in the order of the keys."""
    return (
        *_public_url(config),
        *_listeners(config),
        *_servers(config),
        *_secrets(config),
        *_lifetimes(config),
        *_limits(config),
        *_tokens(config),
        *_webhook(config),
    )


def _public_url(config: Config) -> Iterator[Finding]:
    if config.scheme != "https":
        yield Finding("public_url", "plain HTTP gives passwords and sessions to the network; expected https://")
    if config.auth_host == "localhost" or config.auth_host.endswith(".localhost"):
        yield Finding("public_url", "is this machine's own name; expected the auth host as browsers reach it")


def _listeners(config: Config) -> Iterator[Finding]:
    listeners = {key: getattr(config.server, key) for key in ("web_listen", "decision_listen", "ops_listen")}
    taken: dict[str, str] = {}
    for key, address in listeners.items():
        if address in taken:
            yield Finding(f"server.{key}", f"is {taken[address]} too; expected an address of its own", wrong=True)
        taken.setdefault(address, f"server.{key}")
    decision = listeners["decision_listen"]
    if not _local(decision) and not config.server.decision_peers:
        yield Finding(
            "server.decision_peers", f"is empty, but {decision} faces a network; expected the proxy's addresses"
        )


def _local(address: str) -> bool:
    if address.startswith("unix:"):
        return True
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _servers(config: Config) -> Iterator[Finding]:
    for key, url in (("database.url", config.database.url), ("redis.url", config.redis.url)):
        if not url:
            yield Finding(key, "is missing")
        elif (urlsplit(url).password or "").lower() in _KNOWN_PASSWORDS:
            yield Finding(key, "has a password that everybody knows; expected one of your own")
    yield from _redis(config.redis.url)
    yield from _cluster(config.redis)


def _redis(url: str) -> Iterator[Finding]:
    """Who can write there ends sessions and resets limits (threats.md R14)."""
    if not url:
        return
    if urlsplit(url).scheme == "redis":
        yield Finding("redis.url", "is neither a socket nor TLS; expected unix:// or rediss://")
    if not urlsplit(url).username:
        yield Finding("redis.url", "names no user; expected one whose ACL has only Bastion's keys (docs/install.md)")


def _cluster(redis: RedisSection) -> Iterator[Finding]:
    if not redis.cluster:
        if redis.seeds:
            yield Finding("redis.seeds", "is there, but redis.cluster is not true; expected both", wrong=True)
        return
    parts = urlsplit(redis.url)
    if parts.scheme == "unix":
        message = (
            "is a socket of this machine; expected rediss://, because a cluster names its servers by host and port"
        )
        yield Finding("redis.url", message, wrong=True)
    elif parts.path.strip("/") not in ("", "0") or parse_qs(parts.query).get("db", ["0"]) != ["0"]:
        yield Finding("redis.url", "names a database; expected none, because a cluster has only 0", wrong=True)


def _secrets(config: Config) -> Iterator[Finding]:
    secrets = config.secrets
    named = {
        "master_keys": secrets.master_keys,
        "root_key": () if secrets.root_key is None else (secrets.root_key,),
        "index_key": () if secrets.index_key is None else (secrets.index_key,),
        "peppers": tuple(secrets.peppers.values()),
    }
    seen: dict[bytes, str] = {}
    for name, values in named.items():
        key = f"secrets.{name}"
        if not values:
            yield Finding(key, "is missing; `bastion config secrets` prints fresh ones")
        for value in values:
            yield from _secret(key, value)
            if value in seen:
                yield Finding(key, f"repeats a secret of {seen[value]}; expected one for each purpose")
            seen[value] = key


def _secret(key: str, value: bytes) -> Iterator[Finding]:
    if value in DEVELOPMENT_SECRETS.values():
        yield Finding(key, "is a default secret that everybody knows; expected one from `bastion config secrets`")
    elif len(set(value)) < _LEAST_DISTINCT_BYTES:
        yield Finding(key, "is not random; expected one from `bastion config secrets`")


def _lifetimes(config: Config) -> Iterator[Finding]:
    sessions = config.sessions
    if sessions.idle_s > sessions.absolute_s:
        yield Finding("sessions.idle_s", "is longer than sessions.absolute_s; expected at most that", wrong=True)
    if sessions.remembered_idle_s > sessions.remembered_absolute_s:
        message = "is longer than sessions.remembered_absolute_s; expected at most that"
        yield Finding("sessions.remembered_idle_s", message, wrong=True)


def _limits(config: Config) -> Iterator[Finding]:
    for name, limit in config.limits.items():
        if name == LOGIN_LIMIT and limit.per not in ("ip", "caller"):
            yield Finding(f"limits.{name}.per", "is by address, for nobody is known yet; expected ip", wrong=True)
        key = f"limits.{name}.networks"
        if limit.networks and name != LOGIN_LIMIT:
            yield Finding(key, f"counts for {LOGIN_LIMIT} only; expected none here", wrong=True)
        taken: dict[object, str] = {}
        for network, setting in limit.networks.items():
            for addresses in {unmapped(one) for one in setting.addresses}:
                if not addresses.prefixlen:
                    message = f"has {addresses}, which is everybody: one guesser would spend it all; expected less"
                    yield Finding(f"{key}.{network}", message, wrong=True)
                if addresses in taken:
                    message = f"has {addresses}, which is in {taken[addresses]} too; expected it in one of them"
                    yield Finding(f"{key}.{network}", message, wrong=True)
                taken.setdefault(addresses, network)


def _webhook(config: Config) -> Iterator[Finding]:
    audit = config.audit
    if audit.checkpoint_webhook and audit.checkpoint_dir is None:
        yield Finding("audit.checkpoint_webhook", "posts what audit.checkpoint_dir has; expected both", wrong=True)
    if audit.webhook_bearer and not audit.checkpoint_webhook:
        yield Finding(
            "audit.webhook_bearer", "is for nobody without audit.checkpoint_webhook; expected both", wrong=True
        )
    if urlsplit(audit.checkpoint_webhook).scheme == "http":
        yield Finding("audit.checkpoint_webhook", "gives its path and its bearer to the network; expected https://")


def _tokens(config: Config) -> Iterator[Finding]:
    if config.tokens.algorithm == "HS256":
        yield Finding("tokens.algorithm", "HS256 lets every app that verifies tokens sign them; expected ES256")
