"""What erasing a person takes away and in which steps, and the certificate that it is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal
from uuid import UUID

from gateway.core.errors import GatewayError
from gateway.core.privacy.names import USED_NAME_S

ErasureReason = Literal["asked", "unneeded", "unlawful", "other"]
REASONS: Final[tuple[ErasureReason, ...]] = ("asked", "unneeded", "unlawful", "other")
CERTIFICATE: Final = "erasure-certificate+jws"

# Each table with rows of one person, by the column that says whose. What refers to another table's rows stands first.
# The key goes at once with them; so what a backup or a replica still has of these rows can't be read any more.
DELETED: Final[Mapping[str, str]] = {
    "user_keys": "user_id",
    "erasure_requests": "user_id",
    "holds": "user_id",
    "consoles": "user_id",
    "refusals": "subject",
    "codes": "user_id",
    "grants": "user_id",
    "logins": "user_id",
    "resting_roles": "user_id",
    "api_keys": "user_id",
    "admin_tokens": "user_id",
    "account_uses": "user_id",
    "inactivity_notices": "user_id",
    "app_consents": "user_id",
    "password_history": "user_id",
    "devices": "user_id",
    "risk_profiles": "user_id",
    "links": "user_id",
    "notices": "user_id",
    "attempts": "user_id",
    "totp": "user_id",
    "recovery_codes": "user_id",
    "factor_resets": "user_id",
    "enrolments_due": "user_id",
    "passkeys": "user_id",
    "password_doubts": "user_id",
    "fresh_accounts": "user_id",
    "admin_roles": "user_id",
    "lockouts": "who",
}
# Rows that stay, and why: they hold ids and no words.
KEPT: Final[Mapping[str, str]] = {
    "users": "a tombstone without words, so that the id is given to nobody else",
    "audit_entries": "personal parts are under the destroyed key, so the chain still verifies",
    "consent_records": "evidence of what the person accepted; address and browser are under the destroyed key",
    "review_lines": "evidence of who had access and who looked at it, by ids",
    "erasures": "the proof that the person was erased",
    "emergencies": "whose own login and keys an end of all sessions left alone, by ids",
    "outbox": "only logout tokens, which hold ids, until apps have them; all else goes",
}
# By which column a copy finds the rows of a person, those that stay too.
OF_PERSON: Final[Mapping[str, str]] = {**DELETED, "consent_records": "user_id"}
# Files of these tables are written anew, because Postgres leaves deleted rows in them.
KEY_TABLES: Final = ("user_keys",)


class ErasureStep(Enum):
    """In this order. The values are in stored rows: they never change. ROWS is the point of no return."""

    ROWS = "rows"
    REDIS = "redis"
    LEDGER = "ledger"
    KEY_FILES = "key_files"
    CERTIFICATE = "certificate"


class Held(GatewayError):
    """A hold keeps the person from being erased."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Who got something of the person that Bastion can't take back. clients: ids of apps with tokens. hosts: of apps
    that got identity headers. endpoints: ids of webhook endpoints that get personal details.
    """

    clients: tuple[str, ...]
    hosts: tuple[str, ...]
    endpoints: tuple[str, ...] = ()


def certificate(
    erasure: int,
    user_id: UUID,
    erased_at: int,
    steps: Mapping[ErasureStep, int],
    reach: Reach,
    backups_until: int | None,
    now: int,
) -> dict[str, object]:
    """What is signed. steps: when each was done. backups_until: from when on no key file of a backup of before has to
    be there; None: no backup was made before. Unix seconds.
    """
    return {
        "erasure": erasure,
        "user": str(user_id),
        "erased_at": erased_at,
        "user_name_kept_until": erased_at + USED_NAME_S,
        "steps": {step.value: at for step, at in steps.items()},
        "clients": list(reach.clients),
        "hosts": list(reach.hosts),
        "endpoints": list(reach.endpoints),
        "backups_until": backups_until,
        "time": now,
    }


def lines_with(names: Sequence[str], text: str) -> list[int]:
    """Numbers of the lines in which one of the names stands as a word, in any case."""
    wanted = [name.casefold() for name in names if name]
    return [
        number
        for number, line in enumerate(text.splitlines(), 1)
        if any(_has_word(line.casefold(), name) for name in wanted)
    ]


def _has_word(line: str, word: str) -> bool:
    at = line.find(word)
    while at >= 0:
        if not _is_part(line[at - 1 : at]) and not _is_part(line[at + len(word) : at + len(word) + 1]):
            return True
        at = line.find(word, at + 1)
    return False


def _is_part(character: str) -> bool:
    """Of a user name. A full stop ends words here: a line too many is better than one too few."""
    return character.isalnum() or character in ("_", "-")
