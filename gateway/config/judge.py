"""Owns what is wrong, unsafe or doubtful about a configuration that is well-formed."""

from collections.abc import Iterator

from gateway.config.model import Config
from gateway.config.sections.limits import limits_findings
from gateway.config.sections.server import HARM_OF_PAGES, faces_a_network, is_local
from gateway.config.setting import Finding, Grade, Section
from gateway.core.policy.suffixes import is_public_suffix


def judge(config: Config) -> tuple[Finding, ...]:
    """All findings at once, in the order of the keys."""
    return (
        *_public_url(config),
        *_rp_id(config),
        *_console(config),
        *_listeners(config),
        *(finding for _name, value in config for finding in _findings(value)),
    )


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


def _console(config: Config) -> Iterator[Finding]:
    admin = config.admin
    if config.profile == "production" and admin.enabled and not admin.networks and not admin.listen:
        message = (
            "is empty: the console answers everywhere; expected the networks of those who run Bastion, or admin.listen"
        )
        yield Finding("admin.networks", message, Grade.DOUBTFUL)
    if admin.enabled and admin.listen and not is_local(admin.listen):
        yield faces_a_network("admin.listen", admin.listen, HARM_OF_PAGES)


def _listeners(config: Config) -> Iterator[Finding]:
    taken: dict[str, str] = {}
    for key, address in config.listeners.items():
        if address in taken:
            yield Finding(key, f"is the same as {taken[address]}; expected another address", Grade.WRONG)
        taken.setdefault(address, key)


def _rp_id(config: Config) -> Iterator[Finding]:
    """Browsers refuse an RP ID that is neither the host of the page nor a domain above it."""
    rp_id, host = config.mfa.rp_id, config.auth_host
    if rp_id in ("", host):
        return
    if not host.endswith(f".{rp_id}"):
        message = f"is {rp_id}, and browsers take no passkeys for it on {host}; expected {host} or a domain above it"
        yield Finding("mfa.rp_id", message, Grade.WRONG)
    elif "." not in rp_id or is_public_suffix(rp_id):
        message = f"is {rp_id}, and everybody can register names under it; expected {host} or a domain of your own"
        yield Finding("mfa.rp_id", message, Grade.WRONG)
    else:
        message = f"is above the auth host: every host under {rp_id} can ask for these passkeys; expected {host}"
        yield Finding("mfa.rp_id", message, Grade.DOUBTFUL)
