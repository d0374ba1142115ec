"""Owns the whole of the configuration: its sections, and what the rest of Bastion asks of them together."""

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field

from gateway.config.sections.admin import AdminSection
from gateway.config.sections.audit import AuditSection
from gateway.config.sections.backup import BackupSection
from gateway.config.sections.breach import Breach
from gateway.config.sections.compliance import ComplianceSection
from gateway.config.sections.consent import Consent
from gateway.config.sections.database import Database
from gateway.config.sections.identity_headers import IdentityHeaders
from gateway.config.sections.jwt import Jwt
from gateway.config.sections.licence import LicenceSection
from gateway.config.sections.limits import (
    ADMIN_ACT_LIMIT,
    ADMIN_ROLE_LIMIT,
    LOGIN_LIMIT,
    LimitName,
    LimitSetting,
    by_name,
    default_limits,
)
from gateway.config.sections.links import LinksSection
from gateway.config.sections.lockout import LockoutSection
from gateway.config.sections.log import Log
from gateway.config.sections.mail import MailSection
from gateway.config.sections.mfa import Mfa
from gateway.config.sections.oauth import OAuth
from gateway.config.sections.pages import Pages
from gateway.config.sections.password import PasswordSection
from gateway.config.sections.policy import PolicySection
from gateway.config.sections.privacy import Privacy
from gateway.config.sections.redis import RedisSection
from gateway.config.sections.retention import RetentionSection
from gateway.config.sections.risk import RiskSection
from gateway.config.sections.secrets import Secrets
from gateway.config.sections.server import Server
from gateway.config.sections.sessions import Sessions
from gateway.config.sections.webhooks import WebhooksSection
from gateway.config.setting import Section, setting
from gateway.config.values import Origin
from gateway.core.admin.rules import ConsoleRules
from gateway.core.keys import Keys
from gateway.core.login.throttle import LoginLimits
from gateway.core.passkeys.relying_party import RelyingParty
from gateway.core.password.rules import PasswordRules
from gateway.core.policy.networks import Network, NetworkSet
from gateway.core.ratelimit.gcra import Limit
from gateway.core.ratelimit.slots import BucketNames


class Config(Section):
    """The whole of it. Lists and maps are tuples and dicts that nobody changes."""

    public_url: Origin = setting(
        "https://auth.localhost:8443",
        "The auth host as browsers see it. The protected hosts have the same scheme and port.",
        "an origin such as https://auth.example.com",
        example="https://auth.example.com",
    )
    profile: Literal["production", "dev"] = setting(
        "production", "dev allows unsafe settings, and warns of each.", "production or dev"
    )
    data_dir: Path = setting(Path("data"), "This node's own files. A relative path starts at this file.", "a directory")
    server: Server = Server()
    database: Database = Database()
    redis: RedisSection = RedisSection()
    secrets: Secrets = Secrets()
    policy: PolicySection = PolicySection()
    sessions: Sessions = Sessions()
    password: PasswordSection = PasswordSection()
    breach: Breach = Breach()
    mfa: Mfa = Mfa()
    risk: RiskSection = RiskSection()
    lockout: LockoutSection = LockoutSection()
    limits: dict[LimitName, LimitSetting] = Field(
        default_factory=default_limits,
        description="Rate limits by name. A limit that you leave out keeps its default.",
        json_schema_extra={"expected": "a map of names such as AUTH.LOGIN to limits", "kind": "map", "secret": False},
    )
    identity_headers: IdentityHeaders = IdentityHeaders()
    pages: Pages = Pages()
    jwt: Jwt = Jwt()
    oauth: OAuth = OAuth()
    mail: MailSection = MailSection()
    links: LinksSection = LinksSection()
    admin: AdminSection = AdminSection()
    consent: Consent = Consent()
    audit: AuditSection = AuditSection()
    webhooks: WebhooksSection = WebhooksSection()
    privacy: Privacy = Privacy()
    retention: RetentionSection = RetentionSection()
    compliance: ComplianceSection = ComplianceSection()
    licence: LicenceSection = LicenceSection()
    backup: BackupSection = BackupSection()
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
        return by_name(self.limits)

    def live_limits(self) -> dict[str, Limit]:
        """Those that may be changed while Bastion runs: not the console's own."""
        own = (ADMIN_ACT_LIMIT, ADMIN_ROLE_LIMIT)
        return {name: limit for name, limit in self.all_limits().items() if name not in own}

    def login_limits(self) -> LoginLimits:
        setting = self.limits[LOGIN_LIMIT]
        networks = (network.named(name, LOGIN_LIMIT) for name, network in setting.networks.items())
        return LoginLimits.of(BucketNames(self.keys().bucket), setting.limit(LOGIN_LIMIT), networks)

    def console_rules(self) -> ConsoleRules:
        section = self.admin
        return ConsoleRules(
            NetworkSet.of(section.networks), section.session_s, section.idle_s, section.fresh_s, section.bind_address
        )

    def relying_party(self) -> RelyingParty:
        return RelyingParty(self.mfa.rp_id or self.auth_host, self.pages.name, self.public_url)

    @property
    def listeners(self) -> dict[str, str]:
        """By key, in the order in which a worker takes them. The console has one of its own only if it is named."""
        server = self.server
        own = {"admin.listen": self.admin.listen} if self.admin.enabled and self.admin.listen else {}
        return {
            "server.web_listen": server.web_listen,
            "server.decision_listen": server.decision_listen,
            "server.ops_listen": server.ops_listen,
            **own,
        }

    def named_networks(self) -> tuple[Network, ...]:
        """Those that have a login limit of their own."""
        return tuple(one for network in self.limits[LOGIN_LIMIT].networks.values() for one in network.addresses)

    def password_rules(self) -> PasswordRules:
        return self.password.rules(self.pages.name)

    @property
    def breach_index(self) -> Path:
        return self.breach.index or self.data_dir / "breached-passwords.index"

    def keys(self) -> Keys:
        """All keys but the master keys and peppers."""
        assert self.secrets.root_key is not None
        assert self.secrets.index_key is not None
        return Keys.derive(self.secrets.root_key, self.secrets.index_key)
