"""Owns the section `mail`."""

from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StrictStr

from gateway.config.setting import Finding, Grade, Section, setting
from gateway.config.values import Duration, MailAddress, SmtpAddress


class MailSection(Section):
    """Mail to people: links for a new password, notices. Without smtp and directory, Bastion sends none."""

    smtp: SmtpAddress = setting(
        "",
        "The mail server that takes Bastion's messages. Empty means none.",
        "host:port, or nothing",
        example="smtp.example.com:587",
    )
    security: Literal["starttls", "tls", "none"] = setting(
        "starttls",
        "starttls: Bastion sends nothing if the server does not offer STARTTLS. tls: TLS from the first byte, mostly "
        "on port 465. none: in clear text, only to this machine.",
        "starttls, tls or none",
    )
    sender: Annotated[MailAddress, Field(alias="from")] = setting(
        "",
        "The sender's address. The name beside it is pages.name.",
        "an e-mail address such as auth@example.com",
        example="auth@example.com",
    )
    user: Annotated[StrictStr, Field(pattern=r"^[ -~]{0,254}$")] = setting(
        "",
        "The user name at the mail server. Empty means that Bastion does not log in there.",
        "at most 254 printable characters of ASCII",
        example="bastion",
    )
    password: Annotated[StrictStr, Field(pattern=r"^[ -~]{0,1024}$")] = setting(
        "",
        "The password at the mail server. Set it with the _FILE variable.",
        "at most 1024 printable characters of ASCII",
        secret=True,
    )
    timeout_s: Annotated[Duration, Field(ge=1, le=60)] = setting(
        "20s",
        "For one message, from the connection on. A slower server counts as a failed try.",
        "a duration from 1s to 60s",
    )
    directory: Path | None = setting(
        None,
        "For tests: Bastion writes each message as an .eml file there, and sends nothing.",
        "a directory",
        example="mail",
    )

    @property
    def is_on(self) -> bool:
        return bool(self.smtp) or self.directory is not None

    @property
    def host(self) -> str:
        """Of the mail server."""
        return self.smtp.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.smtp.rpartition(":")[2])

    def findings(self) -> Iterator[Finding]:
        if self.smtp and self.directory is not None:
            yield Finding("mail.directory", "is set together with mail.smtp; expected one of them", Grade.WRONG)
        if self.is_on and not self.sender:
            yield Finding("mail.from", "is missing; expected the address that mail comes from", Grade.WRONG)
        if self.smtp and self.security == "none" and not _is_this_machine(self.host):
            message = "none sends links and passwords over the network in clear text; expected starttls or tls"
            yield Finding("mail.security", message, Grade.WRONG)
        if bool(self.user) != bool(self.password):
            name, other = ("user", "password") if self.user else ("password", "user")
            yield Finding(f"mail.{name}", f"has no effect without mail.{other}; expected both", Grade.WRONG)
        if self.directory is not None:
            message = "keeps links and codes of people in files, and they get no mail; expected mail.smtp"
            yield Finding("mail.directory", message)


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
