"""Owns every key of the configuration: its type, default, meaning, and how it is spoken of in messages and docs."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr
from pydantic.config import JsonDict

from gateway.config.values import (
    Duration,
    Kind,
    Listen,
    Network,
    Origin,
    PostgresUrl,
    Rate,
    RateText,
    RedisUrl,
    SecretBytes,
    ServerAddress,
    WebhookUrl,
)
from gateway.core.keys import Keys
from gateway.core.login.throttle import LoginLimits, NamedNetwork
from gateway.core.ratelimit.gcra import Limit, Per
from gateway.core.ratelimit.slots import BucketNames

_DAY_S: Final = 86400


def _setting(
    default: Any, text: str, expected: str, *, kind: Kind = "text", secret: bool = False, example: str = ""
) -> Any:
    """expected: ends the sentence "expected ..." in messages. example: what the example file shows instead."""
    extra: JsonDict = {"expected": expected, "kind": kind, "secret": secret, "example": example}
    return Field(default=default, description=text, json_schema_extra=extra, repr=not secret, validate_default=True)


_RATE: Final = _setting(..., "", "a rate such as 600/min (s, min, h, d)")
_BURST: Final = _setting(
    None, "How many may come at once; all of a period by default.", "a whole number from 1 to 10000000", kind="scalar"
)
Burst = Annotated[StrictInt, Field(ge=1, le=10_000_000)]


class _Section(BaseModel):
    """A value that is secret is left out of repr, so that none reaches a log by way of its section."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Server(_Section):
    """Where the workers listen, and how many there are."""

    web_listen: Listen = _setting(
        "unix:/run/bastion/web.sock",
        "The pages of the auth host; only the proxy talks to it.",
        "unix:/path or host:port",
    )
    decision_listen: Listen = _setting(
        "unix:/run/bastion/decision.sock",
        "Where the proxy asks about each request. A unix socket is guarded by its directory's permissions.",
        "unix:/path or host:port",
    )
    ops_listen: Listen = _setting(
        "127.0.0.1:9090", "/healthz, /readyz and /metrics; never give it to the proxy.", "unix:/path or host:port"
    )
    workers: Annotated[StrictInt, Field(ge=1, le=256)] = _setting(
        2, "Worker processes; one for each CPU core.", "a whole number from 1 to 256", kind="scalar"
    )
    scheduling: Literal["batch", "normal"] = _setting(
        "batch",
        "batch: a worker takes a core when it is free, so it has more to decide at a time. normal: as soon as "
        "something comes, for a machine whose cores other programs keep busy all the time.",
        "batch or normal",
    )
    decision_peers: tuple[Network, ...] = _setting(
        (),
        "Who may connect to decision_listen where that is TCP; empty means this machine.",
        "a list of addresses or CIDRs",
        kind="list",
        example="[10.0.0.7, 10.1.0.0/24]",
    )
    verify_path: Annotated[StrictStr, Field(pattern=r"^(/[a-z0-9_-]+)*$")] = _setting(
        "",
        "Answers decisions on web_listen too, for set-ups that want a single port; empty means not.",
        "a path such as /verify, or nothing",
        example="/verify",
    )


class Database(_Section):
    """Postgres 16 or newer, the record of truth."""

    url: PostgresUrl = _setting(
        "",
        "Several hosts may be named; the primary is used.",
        "a URL that starts with postgresql://",
        secret=True,
        example="postgresql://bastion@db.internal/bastion",
    )
    pool_size: Annotated[StrictInt, Field(ge=1, le=200)] = _setting(
        10, "Connections of each worker, at most.", "a whole number from 1 to 200", kind="scalar"
    )
    accept_loss: StrictBool = _setting(
        False,
        "Several hosts without synchronous_standby_names: a failover may bring back who was signed out or disabled.",
        "true or false",
        kind="scalar",
    )


class RedisSection(_Section):
    """Redis 7 or newer, or Valkey: the live copy of sessions, and the rate limits."""

    url: RedisUrl = _setting(
        "",
        "TLS with rediss://. In production a socket or TLS, and a user with an ACL of its own.",
        "a redis://, rediss:// or unix:// URL of one server; its port and its database are numbers",
        secret=True,
        example="rediss://bastion:CHANGE-THIS@redis.internal:6379/0",
    )
    cluster: StrictBool = _setting(
        False,
        "url names one server of a Redis Cluster; its user, password and TLS hold for all of them.",
        "true or false",
        kind="scalar",
    )
    seeds: tuple[ServerAddress, ...] = _setting(
        (),
        "More servers of the cluster, for a start while the one of url is away.",
        "a list of host:port",
        kind="list",
        example="[redis-2.internal:6379, redis-3.internal:6379]",
    )
    timeout_ms: Annotated[StrictInt, Field(ge=10, le=10_000)] = _setting(
        250,
        "A decision that takes longer is 503; nobody passes unasked.",
        "a whole number from 10 to 10000",
        kind="scalar",
    )


class Secrets(_Section):
    """Each is 32 bytes as base64url. `bastion config secrets` prints fresh ones; give them by _FILE variables."""

    master_keys: tuple[SecretBytes, ...] = _setting(
        (),
        "Wrap the key of each person's data. The first is used for new ones; old ones stay until all are re-wrapped.",
        "a list of secrets from `bastion config secrets`",
        kind="list",
        secret=True,
    )
    root_key: SecretBytes | None = _setting(
        None,
        "Signs tokens and cookies. Changing it logs everybody out.",
        "a secret from `bastion config secrets`",
        secret=True,
    )
    index_key: SecretBytes | None = _setting(
        None,
        "Finds people by name without storing names. Changing it makes everybody unfindable.",
        "a secret from `bastion config secrets`",
        secret=True,
    )
    peppers: dict[Annotated[StrictStr, Field(pattern=r"^[a-z0-9]{1,16}$")], SecretBytes] = _setting(
        {},
        "Go into password hashes. The first is used for new ones; one may go when no hash names it any more.",
        "a map of short names to secrets from `bastion config secrets`",
        kind="map",
        secret=True,
    )


class PolicySection(_Section):
    """The policy is a directory of YAML files; see the policy reference."""

    directory: Path = _setting(Path("policies"), "Relative to this file.", "a directory")
    watch: StrictBool = _setting(
        True, "Load it again when a file changes; SIGHUP does in any case.", "true or false", kind="scalar"
    )


class Sessions(_Section):
    """How long a login lasts. idle: since the last request. absolute: since the login."""

    idle_s: Annotated[Duration, Field(ge=60, le=30 * _DAY_S)] = _setting("30m", "", "a duration from 60s to 30d")
    absolute_s: Annotated[Duration, Field(ge=60, le=90 * _DAY_S)] = _setting("12h", "", "a duration from 60s to 90d")
    remembered_idle_s: Annotated[Duration, Field(ge=60, le=90 * _DAY_S)] = _setting(
        "14d", 'With "keep me signed in".', "a duration from 60s to 90d"
    )
    remembered_absolute_s: Annotated[Duration, Field(ge=60, le=400 * _DAY_S)] = _setting(
        "90d", 'With "keep me signed in".', "a duration from 60s to 400d"
    )


class NetworkSetting(_Section):
    """What a network has instead of the limit: one budget for all its addresses together."""

    addresses: Annotated[tuple[Network, ...], Field(min_length=1)] = _setting(
        ...,
        "Of networks that overlap the narrowest counts.",
        "a list of addresses or CIDRs, at least one",
        kind="list",
    )
    rate: RateText = _RATE
    burst: Burst | None = _BURST

    def named(self, name: str, limit_name: str) -> NamedNetwork:
        return NamedNetwork(name, self.addresses, _limit(limit_name, self.rate, self.burst, Per.IP))


NetworkName = Annotated[StrictStr, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]


class LimitSetting(_Section):
    """One named rate limit."""

    rate: RateText = _RATE
    burst: Burst | None = _BURST
    per: Literal["caller", "principal", "ip", "everyone", "email"] = _setting(
        "caller", "Whose budget it is.", "caller, principal, ip, everyone or email"
    )
    on_store_failure: Literal["allow", "deny"] = _setting(
        "deny", "What happens while Redis cannot be asked.", "allow or deny"
    )

    networks: dict[NetworkName, NetworkSetting] = _setting(
        {},
        "Of AUTH.LOGIN: what networks of many people behind few addresses have instead.",
        "a map of names such as hospital to networks",
        kind="map",
    )

    def limit(self, name: str) -> Limit:
        """For the arithmetic an e-mail address is a principal: the flow names it."""
        per = Per.PRINCIPAL if self.per == "email" else Per(self.per)
        return _limit(name, self.rate, self.burst, per, on_store_failure=self.on_store_failure)


def _limit(name: str, rate: object, burst: int | None, per: Per, *, on_store_failure: str = "deny") -> Limit:
    assert isinstance(rate, Rate)
    return Limit(
        name=name,
        count=rate.count,
        period_us=rate.period_s * 1_000_000,
        burst=burst or rate.count,
        per=per,
        allow_on_store_failure=on_store_failure == "allow",
    )


LOGIN_LIMIT: Final = "AUTH.LOGIN"
DEFAULT_LIMITS: Final[dict[str, dict[str, object]]] = {
    "GENERAL.EXECUTE": {"rate": "600/min", "per": "caller", "on_store_failure": "allow"},
    LOGIN_LIMIT: {"rate": "10/min", "burst": 5, "per": "ip"},
    "AUTH.FORGOT_PASSWORD": {"rate": "3/h", "per": "email"},
}
LimitName = Annotated[StrictStr, Field(pattern=r"^[A-Z]+\.[A-Z_]+$")]


class IdentityHeaders(_Section):
    """What protected apps are told; always all of a set, empty where nobody is logged in."""

    remote: StrictBool = _setting(
        True, "Remote-User, Remote-Groups, Remote-Name, Remote-Email.", "true or false", kind="scalar"
    )
    x_auth_request: StrictBool = _setting(
        False, "X-Auth-Request-User and its relatives, as oauth2-proxy sends them.", "true or false", kind="scalar"
    )


class Tokens(_Section):
    """Access tokens."""

    algorithm: Literal["ES256", "Ed25519", "RS256", "HS256"] = _setting(
        "ES256", "HS256 is for development: whoever verifies could also sign.", "ES256, Ed25519, RS256 or HS256"
    )


class AuditSection(_Section):
    """The audit log is in the database; signed checkpoints leave it."""

    checkpoint_dir: Path | None = _setting(
        None,
        "Where checkpoints are written; empty means nowhere.",
        "a directory",
        example="/var/lib/bastion/checkpoints",
    )
    checkpoint_webhook: WebhookUrl = _setting(
        "",
        "Where each checkpoint is posted besides, on a host out of reach of who runs this one; empty means nowhere.",
        "a URL such as https://keep.example.org/bastion, without user and password",
        secret=True,
        example="https://keep.example.org/bastion",
    )
    webhook_bearer: Annotated[StrictStr, Field(pattern=r"^([A-Za-z0-9._~+/-]{16,512}=*)?$")] = _setting(
        "",
        "Sent to it as Authorization: Bearer. Give it by the _FILE variable.",
        "16 to 512 of letters, digits and . _ ~ + / -",
        secret=True,
    )
    webhook_timeout_s: Annotated[Duration, Field(ge=1, le=60)] = _setting(
        "10s", "An answer that takes longer is none.", "a duration from 1s to 60s"
    )


class Log(_Section):
    """Structured logs on standard error."""

    level: Literal["debug", "info", "warning", "error"] = _setting("info", "", "debug, info, warning or error")
    format: Literal["json", "console"] = _setting("json", "console is for reading by people.", "json or console")
    decisions: Literal["none", "refused", "all"] = _setting(
        "refused",
        "Which decisions are logged, one line each; of strangers who are refused 200 a second for each worker.",
        "none, refused or all",
    )


def _default_limits() -> dict[str, LimitSetting]:
    return {name: LimitSetting.model_validate(setting) for name, setting in DEFAULT_LIMITS.items()}


class Config(_Section):
    """The whole of it. Lists and maps are tuples and dicts that nobody changes."""

    public_url: Origin = _setting(
        "https://auth.localhost:8443",
        "The auth host as browsers see it. Scheme and port hold for the protected hosts too.",
        "an origin such as https://auth.example.com",
        example="https://auth.example.com",
    )
    profile: Literal["production", "dev"] = _setting(
        "production", "dev allows unsafe settings, and says so loudly.", "production or dev"
    )
    data_dir: Path = _setting(Path("data"), "Where this node keeps files. Relative to this file.", "a directory")
    server: Server = Server()
    database: Database = Database()
    redis: RedisSection = RedisSection()
    secrets: Secrets = Secrets()
    policy: PolicySection = PolicySection()
    sessions: Sessions = Sessions()
    limits: dict[LimitName, LimitSetting] = Field(
        default_factory=_default_limits,
        description="Rate limits by name; a name that is left out keeps its default.",
        json_schema_extra={"expected": "a map of names such as AUTH.LOGIN to limits", "kind": "map", "secret": False},
    )
    identity_headers: IdentityHeaders = IdentityHeaders()
    tokens: Tokens = Tokens()
    audit: AuditSection = AuditSection()
    log: Log = Log()

    @property
    def auth_host(self) -> str:
        """The canonical name of the auth host, without its port."""
        return urlsplit(self.public_url).hostname or ""

    @property
    def scheme(self) -> str:
        return urlsplit(self.public_url).scheme

    def origin_of(self, host: str) -> str:
        """A protected host's origin: scheme and port are never taken from a request."""
        scheme, _, authority = self.public_url.partition("://")
        _, colon, port = authority.partition(":")
        return f"{scheme}://{host}{colon}{port}"

    def limit(self, name: str) -> Limit:
        return self.limits[name].limit(name)

    def all_limits(self) -> dict[str, Limit]:
        return {name: self.limit(name) for name in self.limits}

    def login_limits(self) -> LoginLimits:
        setting = self.limits[LOGIN_LIMIT]
        networks = (network.named(name, LOGIN_LIMIT) for name, network in setting.networks.items())
        return LoginLimits.of(BucketNames(self.keys().bucket), setting.limit(LOGIN_LIMIT), networks)

    def keys(self) -> Keys:
        """All keys but the master keys and peppers."""
        assert self.secrets.root_key is not None
        assert self.secrets.index_key is not None
        return Keys.derive(self.secrets.root_key, self.secrets.index_key)
