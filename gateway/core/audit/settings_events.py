"""What the audit log tells of policy and settings: a part of the catalogue."""

from dataclasses import dataclass

from gateway.core.audit.entries import Kind
from gateway.core.audit.event import About, By, Digest, Event, Family, Id, Sealed, Severity


@dataclass(frozen=True, slots=True)
class PolicyLoaded(Event):
    """before: the version that was in force, "" at a start. diff: lines as of diff(1)."""

    kind = Kind.POLICY_LOADED
    about = About(
        Family.SETTINGS,
        Severity.LOW,
        By.GATEWAY,
        "A new policy is in force.",
        'bastion_policy_loads_total{outcome="accepted"}',
    )

    version: Digest[str]
    before: Digest[str]
    diff: Sealed[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class PolicyNotLoaded(Event):
    """version: a digest of the problems, so that the same refusal is told once."""

    kind = Kind.POLICY_REFUSED
    about = About(
        Family.SETTINGS,
        Severity.MEDIUM,
        By.GATEWAY,
        "A changed policy was refused. The one before it stays in force.",
        'bastion_policy_loads_total{outcome="refused"}',
    )

    version: Digest[str]
    problems: Sealed[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ConfigLoaded(Event):
    """settings: `key: value`, without secrets. changed: the keys. diff: as core/audit/changes.py makes it."""

    kind = Kind.CONFIG_LOADED
    about = About(Family.SETTINGS, Severity.LOW, By.GATEWAY, "Nodes start with another configuration than before.")

    version: Digest[str]
    changed: Id[tuple[str, ...]]
    settings: Sealed[tuple[str, ...]]
    diff: Sealed[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class UnknownNamesRenewed(Event):
    kind = Kind.UNKNOWN_NAMES_RENEWED
    about = About(
        Family.SETTINGS,
        Severity.INFORMATIONAL,
        By.GATEWAY,
        "The key of `unknown_name` was replaced: from here on a name has another mark.",
    )
