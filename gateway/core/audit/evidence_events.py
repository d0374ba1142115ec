"""What the audit log tells of itself, of its copies and of backups: a part of the catalogue."""

from dataclasses import dataclass

from gateway.core.audit.entries import Kind
from gateway.core.audit.event import About, By, Digest, Event, Family, Id, Number, OurWord, Sealed, Severity


@dataclass(frozen=True, slots=True)
class AuditExported(Event):
    """first, last: positions. last None: it goes on with each new entry."""

    kind = Kind.AUDIT_EXPORTED
    about = About(
        Family.EVIDENCE,
        Severity.MEDIUM,
        By.OPERATOR,
        "An operator exported entries with their personal parts readable, from position `first` to `last`. Without"
        " `last`, a log shipper follows the log.",
    )

    format: OurWord[str]
    first: Number[int]
    last: Number[int | None] = None


@dataclass(frozen=True, slots=True)
class AuditVerified(Event):
    """outcome: of the chain: whole, restored or fault. tables: same, differ or not_compared.

    up_to: the position to which the log was followed. checkpoints: how many agree.
    """

    kind = Kind.AUDIT_VERIFIED
    about = About(
        Family.EVIDENCE,
        Severity.INFORMATIONAL,
        By.OPERATOR,
        "An operator verified the log with `--record`, up to the position `up_to`, where its hash was `head`. With"
        " `restored`, it is whole but for what a restore lost that was not accepted. `tables` says what"
        " `--cross-check` found.",
    )

    outcome: OurWord[str]
    tables: OurWord[str]
    up_to: Number[int]
    head: Digest[str]
    checkpoints: Number[int]


@dataclass(frozen=True, slots=True)
class AuditRead(Event):
    """filters: names of those that were given. entries: how many were shown. query: the filters with their values."""

    kind = Kind.AUDIT_READ
    about = About(
        Family.EVIDENCE,
        Severity.INFORMATIONAL,
        By.OPERATOR,
        "An operator searched the log with these `filters`, and was shown so many `entries`. If the search was for a"
        " person, `subject` is that person.",
    )

    filters: OurWord[tuple[str, ...]]
    entries: Number[int]
    query: Sealed[str]


@dataclass(frozen=True, slots=True)
class CheckpointKeyMade(Event):
    """key: its id, as in checkpoints. public: the raw key, base64url."""

    kind = Kind.CHECKPOINT_KEY_MADE
    about = About(
        Family.EVIDENCE,
        Severity.LOW,
        By.GATEWAY,
        "A node signs checkpoints with a key that the log did not know. `bastion audit verify` says which of these keys"
        " you do not have.",
    )

    key: Id[str]
    public: Id[str]


@dataclass(frozen=True, slots=True)
class LicenceInstalled(Event):
    """begins_at, ends_at: Unix seconds."""

    kind = Kind.LICENCE_INSTALLED
    about = About(
        Family.EVIDENCE,
        Severity.INFORMATIONAL,
        By.OPERATOR,
        "A [licence](licence.md) for so many `people` was installed.",
    )

    people: Number[int]
    begins_at: Number[int]
    ends_at: Number[int]


@dataclass(frozen=True, slots=True)
class BackupMade(Event):
    """backup: its name. up_to: the last position in it. removed: how many key files were too old."""

    kind = Kind.BACKUP_MADE
    about = About(
        Family.EVIDENCE,
        Severity.LOW,
        By.OPERATOR,
        "An operator made a backup, which ends with the entry at `up_to`. `removed` key files of older backups were"
        " too old and are gone.",
    )

    backup: Id[str]
    up_to: Number[int]
    removed: Number[int]


@dataclass(frozen=True, slots=True)
class BackupVerified(Event):
    kind = Kind.BACKUP_VERIFIED
    about = About(
        Family.EVIDENCE,
        Severity.INFORMATIONAL,
        By.OPERATOR,
        "An operator restored a backup into a database of its own, and its log is whole up to `up_to`.",
    )

    backup: Id[str]
    up_to: Number[int]


@dataclass(frozen=True, slots=True)
class Restored(Event):
    """restore: the id of the signed record. lost_to: the last position that a checkpoint saw before."""

    kind = Kind.RESTORED
    about = About(
        Family.EVIDENCE,
        Severity.MEDIUM,
        By.OPERATOR,
        "The database was restored from a backup that ends at `up_to`. Entries from there to `lost_to` are lost, as"
        " far as checkpoints know. All logins, grants, links and codes ended with it, signing keys were retired, API"
        " keys and roles rest, and `erased` people of the ledger were erased again. `taken` counts what else it takes"
        " away: people, groups, roles, passwords, factors, API keys, clients and their secrets. With `adopted` as"
        " `backup`, a database that was brought back without the command was made safe.",
    )

    restore: Id[str]
    backup: Id[str]
    up_to: Number[int]
    lost_to: Number[int]
    erased: Number[int]
    taken: Number[int | None] = None


@dataclass(frozen=True, slots=True)
class RestoreFinished(Event):
    kind = Kind.RESTORE_FINISHED
    about = About(
        Family.EVIDENCE,
        Severity.MEDIUM,
        By.OPERATOR,
        "An operator woke the `keys` API keys that rested since a restore.",
    )

    keys: Id[tuple[str, ...]]
