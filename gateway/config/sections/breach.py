"""Owns the section `breach`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from gateway.config.setting import Finding, Grade, Section, setting
from gateway.config.values import Network, WebhookUrl

_API: Final = "https://api.pwnedpasswords.com/range/"


class Breach(Section):
    """Looks passwords up among those that are known from breaches of other services."""

    source: Literal["api", "index", "off"] | None = setting(
        None,
        "api: the range API of Have I Been Pwned. It gets the first five hex digits of the SHA-1 of a password that "
        "somebody logs in with or chooses, and no name. index: a file of this node, and no data leaves it. "
        "Production has no default.",
        "api, index or off",
        example="index",
    )
    index: Path | None = setting(
        None,
        "The file that `bastion breach import` makes; empty means breached-passwords.index in data_dir.",
        "a file",
        example="/var/lib/bastion/breached-passwords.index",
    )
    api: WebhookUrl = setting(
        _API,
        "The API, or a mirror of it. Bastion appends the five digits.",
        "a URL such as https://api.pwnedpasswords.com/range/, without user and password",
    )
    allow_networks: tuple[Network, ...] = setting(
        (),
        "Internal networks in which Bastion may reach a mirror. Empty means none.",
        "a list of addresses or CIDRs",
        kind="list",
        example="[10.20.0.0/24]",
    )
    at_login: Literal["warn", "change", "block"] = setting(
        "warn",
        "What follows when somebody logs in with a breached password. warn: the person is told, and it counts in the "
        "risk score. change: on a device that the person has used for long they choose another one first; elsewhere "
        "the password is disabled. block: nobody logs in with it.",
        "warn, change or block",
    )
    at_change: Literal["refuse", "warn"] = setting(
        "refuse", "What follows when somebody chooses a breached password.", "refuse or warn"
    )
    when_unreachable: Literal["admit", "refuse"] = setting(
        "admit", "What follows when a password can't be looked up, at a login and at a change.", "admit or refuse"
    )

    def findings(self) -> Iterator[Finding]:
        if self.source is None:
            message = "is missing; expected api (five digits of each password's SHA-1 leave this node), index or off"
            yield Finding("breach.source", message)
        if not self.api:
            yield Finding("breach.api", "is empty; expected a URL", Grade.WRONG)
        if self.source == "api" and urlsplit(self.api).scheme == "http":
            yield Finding("breach.api", "sends digits of passwords in clear text; expected https://")
