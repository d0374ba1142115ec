"""Owns the section `limits`: rate limits by name, and what networks have instead."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, StrictInt, StrictStr
from pydantic_core import PydanticCustomError

from gateway.config.setting import NO_KEY, Finding, Grade, Section, setting
from gateway.config.values import Network, Rate, RateText
from gateway.core.login.throttle import NamedNetwork
from gateway.core.policy.networks import unmapped
from gateway.core.ratelimit.gcra import MOST_A_SECOND, Limit, Per, most_at_once

LOGIN_LIMIT: Final = "AUTH.LOGIN"
ANONYMOUS_LIMIT: Final = "GENERAL.STRANGER"
TOKEN_LIMIT: Final = "OAUTH.TOKEN"
CLIENT_FAILED_LIMIT: Final = "OAUTH.CLIENT_FAILED"
PAR_LIMIT: Final = "OAUTH.PAR"
PAR_PUBLIC_LIMIT: Final = "OAUTH.PAR_PUBLIC"
KEY_LIMIT: Final = "AUTH.KEY"
FACTOR_LIMIT: Final = "AUTH.FACTOR"
FORGOT_LIMIT: Final = "AUTH.FORGOT_PASSWORD"
LINK_LIMIT: Final = "AUTH.LINK"
PASSWORD_CHANGE_LIMIT: Final = "PASSWORD.CHANGE"
ANSWER_LIMIT: Final = "CONSENT.ANSWER"
ADMIN_ACT_LIMIT: Final = "ADMIN.ACT"
ADMIN_ROLE_LIMIT: Final = "ADMIN.ROLE"
DEFAULT_LIMITS: Final[dict[str, dict[str, object]]] = {
    "GENERAL.EXECUTE": {"rate": "600/min", "per": "caller", "on_store_failure": "allow"},
    "GENERAL.SESSION": {"rate": "600/min", "burst": 2000, "per": "principal", "on_store_failure": "allow"},
    ANONYMOUS_LIMIT: {"rate": "3000/min", "burst": 3000, "per": "ip", "on_store_failure": "allow"},
    LOGIN_LIMIT: {"rate": "10/min", "burst": 5, "per": "ip"},
    KEY_LIMIT: {"rate": "10/min", "per": "ip"},
    FACTOR_LIMIT: {"rate": "10/min", "per": "principal"},
    PASSWORD_CHANGE_LIMIT: {"rate": "5/h", "per": "principal"},
    ANSWER_LIMIT: {"rate": "20/h", "per": "principal"},
    ADMIN_ACT_LIMIT: {"rate": "30/min", "per": "principal"},
    ADMIN_ROLE_LIMIT: {"rate": "5/h", "per": "principal"},
    FORGOT_LIMIT: {"rate": "3/h", "per": "email"},
    LINK_LIMIT: {"rate": "20/min", "per": "ip"},
    TOKEN_LIMIT: {"rate": "600/min"},
    CLIENT_FAILED_LIMIT: {"rate": "30/min", "per": "ip"},
    PAR_LIMIT: {"rate": "60/min"},
    PAR_PUBLIC_LIMIT: {"rate": "30/min", "per": "ip"},
}
_BY_ADDRESS: Final = ("ip", "caller")
_PER: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    LOGIN_LIMIT: (_BY_ADDRESS, "must be by address, because nobody has logged in yet; expected ip"),
    TOKEN_LIMIT: (("caller",), "must be by client, and by address too for clients without a secret; expected caller"),
    CLIENT_FAILED_LIMIT: (_BY_ADDRESS, "must be by address, because the client is not known; expected ip"),
    FACTOR_LIMIT: (("principal",), "must be by person, or each address has tries of its own; expected principal"),
    KEY_LIMIT: (_BY_ADDRESS, "must be by address, because a refused key is nobody's; expected ip"),
    FORGOT_LIMIT: (("email",), "must be by e-mail address, whoever asks; expected email"),
    LINK_LIMIT: (_BY_ADDRESS, "must be by address, because nobody has logged in yet; expected ip"),
    PASSWORD_CHANGE_LIMIT: (("principal",), "must be by person; expected principal"),
    ANSWER_LIMIT: (("principal",), "must be by person; expected principal"),
    ADMIN_ACT_LIMIT: (("principal",), "must be by person; expected principal"),
    ADMIN_ROLE_LIMIT: (("principal",), "must be by person; expected principal"),
    PAR_LIMIT: (("caller",), "must be by client; expected caller"),
    PAR_PUBLIC_LIMIT: (_BY_ADDRESS, "must be by address, because anybody can name such a client; expected ip"),
    ANONYMOUS_LIMIT: (
        (*_BY_ADDRESS, "everyone"),
        "must be by address or for everyone, because these clients are anonymous; expected ip or everyone",
    ),
}
_RATE: Final = setting(..., "", "a rate such as 600/min (s, min, h, d)")
_BURST: Final = setting(
    None,
    "How many requests may come at once. Default: all of a period.",
    "a whole number from 1 to 10000000",
    kind="scalar",
)
Burst = Annotated[StrictInt, Field(ge=1, le=10_000_000)]


def _known(name: str) -> str:
    """Raises PydanticCustomError for a limit that nothing spends."""
    if name not in DEFAULT_LIMITS:
        raise PydanticCustomError(NO_KEY, "no limit has this name")
    return name


LimitName = Annotated[StrictStr, AfterValidator(_known)]
NetworkName = Annotated[StrictStr, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]


class NetworkSetting(Section):
    """The budget of a network instead of the limit: one for all its addresses together."""

    addresses: Annotated[tuple[Network, ...], Field(min_length=1)] = setting(
        ...,
        "If networks overlap, the narrowest counts.",
        "a list of addresses or CIDRs, at least one",
        kind="list",
    )
    rate: RateText = _RATE
    burst: Burst | None = _BURST

    def named(self, name: str, limit_name: str) -> NamedNetwork:
        return NamedNetwork(name, self.addresses, _limit(limit_name, self.rate, self.burst, Per.IP))


class LimitSetting(Section):
    """One named rate limit."""

    rate: RateText = _RATE
    burst: Burst | None = _BURST
    per: Literal["caller", "principal", "ip", "everyone", "email"] = setting(
        "caller", "Who has a separate budget.", "caller, principal, ip, everyone or email"
    )
    on_store_failure: Literal["allow", "deny"] = setting(
        "deny", "The answer while Redis does not answer.", "allow or deny"
    )

    networks: dict[NetworkName, NetworkSetting] = setting(
        {},
        "Only for AUTH.LOGIN: separate budgets for networks with many people behind few addresses.",
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


def default_limits() -> dict[str, LimitSetting]:
    return {name: LimitSetting.model_validate(given) for name, given in DEFAULT_LIMITS.items()}


def by_name(settings: Mapping[str, LimitSetting]) -> dict[str, Limit]:
    return {name: setting.limit(name) for name, setting in settings.items()}


def limits_findings(limits: Mapping[str, LimitSetting]) -> Iterator[Finding]:
    for name, limit in limits.items():
        if name in _PER and limit.per not in _PER[name][0]:
            yield Finding(f"limits.{name}.per", _PER[name][1], Grade.WRONG)
        yield from _uncountable(f"limits.{name}", limit)
        key = f"limits.{name}.networks"
        if limit.networks and name != LOGIN_LIMIT:
            yield Finding(key, f"works only for {LOGIN_LIMIT}; expected none here", Grade.WRONG)
        yield from _networks(key, limit.networks)


def _uncountable(key: str, limit: "LimitSetting | NetworkSetting") -> Iterator[Finding]:
    """What no bucket counts exactly."""
    rate = limit.rate
    assert isinstance(rate, Rate)
    if rate.count > rate.period_s * MOST_A_SECOND:
        message = f"is {rate.count}/s, which is more than a bucket can count; expected at most {MOST_A_SECOND}/s"
        yield Finding(f"{key}.rate", message, Grade.WRONG)
        return
    most = most_at_once(rate.count, rate.period_s)
    if limit.burst is not None and limit.burst > most:
        message = f"is {limit.burst}, which takes over 100 years to refill; expected at most {most}"
        yield Finding(f"{key}.burst", message, Grade.WRONG)


def _networks(key: str, networks: Mapping[str, NetworkSetting]) -> Iterator[Finding]:
    taken: dict[object, str] = {}
    for name, network in networks.items():
        yield from _uncountable(f"{key}.{name}", network)
        for addresses in {unmapped(one) for one in network.addresses}:
            if not addresses.prefixlen:
                message = f"has {addresses}, which is everybody: one guesser could spend it all; expected a smaller one"
                yield Finding(f"{key}.{name}", message, Grade.WRONG)
            if addresses in taken:
                message = f"has {addresses}, which is also in {taken[addresses]}; expected it in one of them"
                yield Finding(f"{key}.{name}", message, Grade.WRONG)
            taken.setdefault(addresses, name)
