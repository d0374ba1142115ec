"""Owns how one value of the configuration is written: durations, rates, secrets, addresses to listen on."""

import base64
import binascii
import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Final, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, StrictStr

from gateway.core.privacy.names import BadName, check_name
from gateway.core.units import DAY_S, DURATION_UNITS, RATE_UNITS

_DURATION: Final = re.compile(r"([1-9][0-9]{0,6})([smhdy])")
_UNITS: Final = {**DURATION_UNITS, "y": 365 * DAY_S}
_RATE: Final = re.compile(r"([1-9][0-9]{0,6})/(s|min|h|d)")
_SECRET_BYTES: Final = 32
_HOST: Final = r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
_ADDRESS: Final = re.compile(rf"({_HOST}|\[[0-9a-f:.]+\]):([0-9]{{1,5}})")
_PORTS: Final = range(1, 65536)
_MAIL: Final = re.compile(rf"[A-Za-z0-9._+-]{{1,64}}@(?i:{_HOST})")
_TELEPHONE: Final = re.compile(r"tel:\+[0-9][0-9-]{3,24}")
_WRITTEN_URL: Final = re.compile(r"https://[!#-;=?-~]{1,500}")  # no space, no quotes, no angle brackets


@dataclass(frozen=True, slots=True)
class Rate:
    """count requests in period_s."""

    count: int
    period_s: int


def parse_duration(text: object) -> int:
    """`90s`, `30m`, `12h`, `14d`, and `2y` of 365 days, in seconds. Raises ValueError for others, as a bare number."""
    if not isinstance(text, str) or not (match := _DURATION.fullmatch(text)):
        raise ValueError("not a duration")
    return int(match[1]) * _UNITS[match[2]]


def parse_rate(text: object) -> Rate:
    """`600/min`. Raises ValueError."""
    if not isinstance(text, str) or not (match := _RATE.fullmatch(text)):
        raise ValueError("not a rate")
    return Rate(int(match[1]), RATE_UNITS[match[2]])


def parse_secret(text: object) -> bytes:
    """32 bytes as base64url with its padding, the form that `bastion config secrets` prints. Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError("not text")  # noqa: TRY004 -- pydantic turns ValueError into a message
    try:
        decoded = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("not base64url") from error
    if len(decoded) != _SECRET_BYTES:
        raise ValueError("not 32 bytes")
    return decoded


def parse_listen(text: object) -> str:
    """`unix:/path/to.sock` or `host:port`. Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError("not text")  # noqa: TRY004 -- pydantic turns ValueError into a message
    if text.startswith("unix:/") and len(text) > len("unix:/"):
        return text
    match = _ADDRESS.fullmatch(text)
    if match is None or int(text.rpartition(":")[2]) not in _PORTS:
        raise ValueError("not an address")
    return text


def parse_own_listen(text: object) -> str:
    """As parse_listen, or "" for none. Raises ValueError."""
    return "" if text == "" else parse_listen(text)


def parse_server(text: object) -> str:
    """`host:port`. Raises ValueError."""
    if not isinstance(text, str) or text.startswith("unix:"):
        raise ValueError("not a server")
    return parse_listen(text)


def parse_mail_server(text: object) -> str:
    """`host:port`, or "" for none. Raises ValueError."""
    return "" if text == "" else parse_server(text)


def parse_mail_address(text: object) -> str:
    """An address without a display name, or "" for none. Raises ValueError."""
    if not isinstance(text, str) or (text and not _MAIL.fullmatch(text)):
        raise ValueError("not an address")
    return text


def parse_origin(text: object) -> str:
    """`https://auth.example.com`, `https://auth.localhost:8443`: scheme and authority only. Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError("not text")  # noqa: TRY004 -- pydantic turns ValueError into a message
    url = urlsplit(text)
    host_and_port = _ADDRESS.fullmatch(url.netloc) or re.fullmatch(_HOST, url.netloc)
    if url.scheme not in ("http", "https") or not host_and_port or text != f"{url.scheme}://{url.netloc}":
        raise ValueError("not an origin")
    if url.port is not None and (url.port not in _PORTS or url.port == {"http": 80, "https": 443}[url.scheme]):
        raise ValueError("a default port is left out")
    return text


def parse_network(text: object) -> IPv4Network | IPv6Network:
    """An address or a CIDR without bits behind its mask. Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError("not text")  # noqa: TRY004 -- pydantic turns ValueError into a message
    return ip_network(text)


def parse_postgres_url(text: object) -> str:
    return _url(text, ("postgresql", "postgres"))


def parse_redis_url(text: object) -> str:
    """Of one server, its database a number. Raises ValueError."""
    url = _url(text, ("redis", "rediss", "unix"))
    parts = urlsplit(url)
    in_query = parse_qs(parts.query).get("db", ["0"])[0]
    database = in_query if parts.scheme == "unix" else parts.path.strip("/") or in_query
    if "," in (parts.hostname or "") or parts.port == 0 or not re.fullmatch("[0-9]{1,5}", database):
        raise ValueError("not one server")
    return url


def parse_webhook_url(text: object) -> str:
    """Where to post to, or "" for nowhere; a user and password would end in logs of others. Raises ValueError."""
    url = urlsplit(_url(text, ("https", "http")))
    if url.geturl() and (not url.hostname or url.username is not None or url.fragment or url.port == 0):
        raise ValueError("not such a URL")
    return str(text)


def parse_help_url(text: object) -> str:
    """Where a link of our pages leads, or "" for nowhere. Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError("not text")  # noqa: TRY004 -- pydantic turns ValueError into a message
    url = urlsplit(text)
    if text and (not _WRITTEN_URL.fullmatch(text) or not url.hostname or url.username is not None or url.port == 0):
        raise ValueError("not such a URL")
    return text


def parse_contact(text: object) -> str:
    """As a URI, so that RFC 9116 takes it: `help@example.com` becomes `mailto:help@example.com`. Raises ValueError."""
    if isinstance(text, str) and _MAIL.fullmatch(text.removeprefix("mailto:")):
        return f"mailto:{text.removeprefix('mailto:')}"
    if isinstance(text, str) and _TELEPHONE.fullmatch(text):
        return text
    return parse_help_url(text)


def _named(what: str) -> AfterValidator:
    """A name that a user or a group may have: another one would be a mistake that nothing ever matches."""

    def check(name: str) -> str:
        try:
            return check_name(what, name)
        except BadName as error:
            raise ValueError(str(error)) from error

    return AfterValidator(check)


def _url(text: object, schemes: tuple[str, ...]) -> str:
    if not isinstance(text, str) or (text and urlsplit(text).scheme not in schemes):
        raise ValueError("not such a URL")
    return text


def _hidden(secret: bytes) -> str:
    return "(hidden)" if secret else ""


Duration = Annotated[int, BeforeValidator(parse_duration)]
RateText = Annotated[Rate, BeforeValidator(parse_rate)]
Listen = Annotated[StrictStr, BeforeValidator(parse_listen)]
OwnListen = Annotated[StrictStr, BeforeValidator(parse_own_listen)]
ServerAddress = Annotated[StrictStr, BeforeValidator(parse_server)]
SmtpAddress = Annotated[StrictStr, BeforeValidator(parse_mail_server)]
MailAddress = Annotated[StrictStr, BeforeValidator(parse_mail_address)]
Origin = Annotated[StrictStr, BeforeValidator(parse_origin)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(parse_network)]
PostgresUrl = Annotated[StrictStr, BeforeValidator(parse_postgres_url)]
RedisUrl = Annotated[StrictStr, BeforeValidator(parse_redis_url)]
WebhookUrl = Annotated[StrictStr, BeforeValidator(parse_webhook_url)]
HelpUrl = Annotated[StrictStr, BeforeValidator(parse_help_url)]
Contact = Annotated[StrictStr, BeforeValidator(parse_contact)]
SecretBytes = Annotated[bytes, BeforeValidator(parse_secret), PlainSerializer(_hidden)]
GroupName = Annotated[StrictStr, _named("group")]
UserName = Annotated[StrictStr, _named("user")]
Kind = Literal["text", "scalar", "list", "map"]
