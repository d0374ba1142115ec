"""Owns what is wrong, unsafe or doubtful about a configuration that is well-formed."""

from collections.abc import Iterator

from gateway.config.model import Config
from gateway.config.sections.limits import limits_findings
from gateway.config.setting import Finding, Section


def judge(config: Config) -> tuple[Finding, ...]:
    """All findings at once, in the order of the keys."""
    return (*_public_url(config), *(finding for _name, value in config for finding in _findings(value)))


def _findings(value: object) -> Iterator[Finding]:
    """Of a section, or of the map of limits; the keys at the top are judged here."""
    if isinstance(value, dict):
        return limits_findings(value)
    return value.findings() if isinstance(value, Section) else iter(())


def _public_url(config: Config) -> Iterator[Finding]:
    if config.scheme != "https":
        yield Finding("public_url", "plain HTTP sends passwords and sessions in clear text; expected https://")
    if config.auth_host == "localhost" or config.auth_host.endswith(".localhost"):
        yield Finding("public_url", "is this machine's own name; expected the auth host as browsers reach it")
