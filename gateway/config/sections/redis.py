"""Owns the section `redis`."""

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, StrictBool, StrictInt

from gateway.config.sections._stores import store_findings
from gateway.config.setting import Finding, Grade, Section, setting
from gateway.config.values import RedisUrl, ServerAddress


class RedisSection(Section):
    """Redis 7 or newer, or Valkey: the live copy of sessions, and the rate limits."""

    url: RedisUrl = setting(
        "",
        "rediss:// uses TLS. Production demands a socket or TLS, and a user with its own ACL.",
        "a redis://, rediss:// or unix:// URL of one server; its port and its database are numbers",
        secret=True,
        example="rediss://bastion:CHANGE-THIS@redis.internal:6379/0",
    )
    cluster: StrictBool = setting(
        False,
        "url names one server of a Redis Cluster; its user, password and TLS hold for all of them.",
        "true or false",
        kind="scalar",
    )
    seeds: tuple[ServerAddress, ...] = setting(
        (),
        "More servers of the cluster, for a start while the server of url is down.",
        "a list of host:port",
        kind="list",
        example="[redis-2.internal:6379, redis-3.internal:6379]",
    )
    timeout_ms: Annotated[StrictInt, Field(ge=10, le=10_000)] = setting(
        250,
        "If Redis takes longer, the decision is 503. No request passes unchecked.",
        "a whole number from 10 to 10000",
        kind="scalar",
    )

    def findings(self) -> Iterator[Finding]:
        yield from store_findings("redis.url", self.url)
        if self.url:
            yield from _access(self.url)
        if self.cluster:
            yield from _cluster(self.url)
        elif self.seeds:
            yield Finding("redis.seeds", "is set, but redis.cluster is not true; expected both", Grade.WRONG)


def _access(url: str) -> Iterator[Finding]:
    """Who can write there ends sessions and resets limits (threats.md R14)."""
    if urlsplit(url).scheme == "redis":
        yield Finding("redis.url", "is neither a socket nor TLS; expected unix:// or rediss://")
    if not urlsplit(url).username:
        yield Finding("redis.url", "names no user; expected one whose ACL has only Bastion's keys (docs/install.md)")


def _cluster(url: str) -> Iterator[Finding]:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        message = (
            "is a socket of this machine; expected rediss://, because a cluster names its servers by host and port"
        )
        yield Finding("redis.url", message, Grade.WRONG)
    elif parts.path.strip("/") not in ("", "0") or parse_qs(parts.query).get("db", ["0"]) != ["0"]:
        yield Finding("redis.url", "names a database; expected none, because a cluster has only 0", Grade.WRONG)
