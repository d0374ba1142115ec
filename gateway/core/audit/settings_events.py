"""What the audit log tells of policy and settings: a part of the catalogue."""

from dataclasses import dataclass

from gateway.core.audit.entries import Kind
from gateway.core.audit.event import About, By, Event, Family, Kept, Severity


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

    version: Kept[str]
    before: Kept[str]
    diff: Kept[tuple[str, ...]]


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

    version: Kept[str]
    problems: Kept[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ConfigLoaded(Event):
    """settings: `key: value`, without secrets."""

    kind = Kind.CONFIG_LOADED
    about = About(Family.SETTINGS, Severity.LOW, By.GATEWAY, "Nodes start with another configuration than before.")

    version: Kept[str]
    settings: Kept[tuple[str, ...]]
    diff: Kept[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class UnknownNamesRenewed(Event):
    kind = Kind.UNKNOWN_NAMES_RENEWED
    about = About(
        Family.SETTINGS,
        Severity.INFORMATIONAL,
        By.GATEWAY,
        "The key of `unknown_name` was replaced: from here on a name has another mark.",
    )
