"""The map of data: what Bastion keeps of people and of itself, in each column, Redis key, file and field of the log.

Whoever adds one adds it here. docs/data.md is written from it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final


class Nature(Enum):
    """The values are the words of the documentation."""

    PERSONAL = "personal"
    SECRET = "secret"
    PSEUDONYMOUS = "pseudonymous"
    TECHNICAL = "technical"


class Under(Enum):
    """What it is encrypted or hashed with. The values are the words of the documentation."""

    NOTHING = ""
    PERSON = "the person's key"
    MONTH = "the person's key and the month's"
    PERSON_OR_SYSTEM = "the person's key, else a system key"
    MASTER = "a master key"
    SERVER = "a key derived from the root key"
    PEPPER = "bcrypt over HMAC under a pepper"
    HASH = "only a hash"
    PASSPHRASE = "a passphrase"


@dataclass(frozen=True, slots=True)
class Item:
    """One column, key, file or field. erased: what makes it unreadable or deletes it when a person is erased."""

    place: str
    nature: Nature
    under: Under
    kept: str
    erased: str


@dataclass(frozen=True, slots=True)
class Table:
    """Names of columns, separated by spaces. sealed and secret are under the keys beside them.

    plain: personal and in clear.
    """

    name: str
    purpose: str
    kept: str
    erased: str = ""
    sealed: str = ""
    sealed_under: Under = Under.PERSON
    secret: str = ""
    secret_under: Under = Under.HASH
    plain: str = ""
    pseudonymous: str = ""
    technical: str = ""

    def items(self) -> Iterator[Item]:
        parts = (
            (self.sealed, Nature.PERSONAL, self.sealed_under),
            (self.secret, Nature.SECRET, self.secret_under),
            (self.plain, Nature.PERSONAL, Under.NOTHING),
            (self.pseudonymous, Nature.PSEUDONYMOUS, Under.NOTHING),
            (self.technical, Nature.TECHNICAL, Under.NOTHING),
        )
        for columns, nature, under in parts:
            erased = "" if nature is Nature.TECHNICAL and not self.erased else self.erased
            for column in columns.split():
                yield Item(f"{self.name}.{column}", nature, under, self.kept, erased)


@dataclass(frozen=True, slots=True)
class Kept:
    """A kind of Redis keys or of files. pattern: a regular expression for all of its names."""

    pattern: str
    shown: str
    purpose: str
    item: Item


GONE: Final = "deleted with the person"
KEY_GONE: Final = "the person's key is destroyed"


def _redis(pattern: str, shown: str, purpose: str, nature: Nature, kept: str, under: Under = Under.NOTHING) -> Kept:
    return Kept(pattern, shown, purpose, Item(shown, nature, under, kept, "deleted with the person's slot"))


def _file(
    pattern: str, purpose: str, nature: Nature, kept: str, erased: str = "", under: Under = Under.NOTHING
) -> Kept:
    shown = pattern.replace("\\.", ".").replace(".+", "*").replace("[0-9a-f]+", "*")
    return Kept(pattern, shown, purpose, Item(shown, nature, under, kept, erased))


REDIS: Final = (
    _redis(
        r"\{[^}]+\}u",
        "{tag}u",
        "a person: state, groups, names",
        Nature.PERSONAL,
        "an hour after the last request",
        Under.SERVER,
    ),
    _redis(
        r"\{[^}]+\}l:.+", "{tag}l:login", "a login and hashes of its sessions", Nature.PSEUDONYMOUS, "until it ends"
    ),
    _redis(r"\{[^}]+\}g:.+", "{tag}g:grant", "what an app may do for a person", Nature.PSEUDONYMOUS, "until it ends"),
    _redis(r"\{[^}]+\}k:.+", "{tag}k:key", "an API key's hash and limits", Nature.PSEUDONYMOUS, "until it ends"),
    _redis(r"\{[^}]+\}c:.+", "{tag}c:hash", "a hand-off to a host", Nature.PSEUDONYMOUS, "a minute"),
    _redis(
        r"\{[^}]+\}b:.+",
        "{slot}b:limit:who",
        "a rate limit's budget; addresses are hashed",
        Nature.PSEUDONYMOUS,
        "until it is full again",
    ),
    _redis(r"\{[^}]+\}j:.+", "{slot}j:jti", "a DPoP proof that was used", Nature.TECHNICAL, "as long as it is valid"),
)
FILES: Final = (
    _file(r"data/keys/audit-checkpoint\.pem", "signs checkpoints", Nature.SECRET, "until you delete it"),
    _file(
        r"data/keys/jwt-.+\.pem",
        "copy of a signing key",
        Nature.SECRET,
        "as long as the key is published",
        under=Under.PASSPHRASE,
    ),
    _file(r"data/ended-logins\.jsonl", "logouts that Postgres missed", Nature.PSEUDONYMOUS, "until Postgres is back"),
    _file(
        r"data/policy-last-good\.json",
        "the last policy in force, with people that you name in it",
        Nature.PERSONAL,
        "until the next policy",
        "by you: the certificate names the lines",
    ),
    _file(
        r"data/settings-last\.json",
        "the last limits and emergencies in force",
        Nature.TECHNICAL,
        "until the next change",
    ),
    _file(r"data/.*lock.*", "keeps a second process out", Nature.TECHNICAL, "while Bastion runs"),
    _file(r"data/.*compromised-signing-keys\.jsonl", "keys that nothing accepts", Nature.TECHNICAL, "for ever"),
    _file(r"checkpoints/compromised-signing-keys\.jsonl", "the same", Nature.TECHNICAL, "for ever"),
    _file(r"checkpoints/checkpoints\.jsonl", "signed heads of the audit log", Nature.TECHNICAL, "for ever"),
    _file(r"checkpoints/audit-checkpoint-.+\.pub\.pem", "verifies them", Nature.TECHNICAL, "for ever"),
    _file(r"checkpoints/erasures\.jsonl", "ids of erased people", Nature.PSEUDONYMOUS, "for ever: restores need it"),
    _file(r"data/erasures\.jsonl", "the same, without a checkpoint_dir", Nature.PSEUDONYMOUS, "for ever"),
    _file(r"checkpoints/.*lock.*", "keeps a second node out", Nature.TECHNICAL, "while Bastion runs"),
)
# Fields of the log. Bastion keeps no log: your own rules for standard error do.
LOG_PSEUDONYMOUS: Final = frozenset({"subject", "user", "request_id", "client"})
LOG_TECHNICAL: Final = frozenset(
    """
    advice after_s before clients compiled control count directory error event exc_info exception extra file files
    finding host job key kid kind level logger message method most now number outcome path people pid place problems
    reason route server state status store timestamp took_us tries unlogged version way_out why workers
    """.split()  # noqa: SIM905 -- the list would be a column of forty lines
)
