"""Seals what is personal in the audit log under the key of its month and, where it has a subject, under the subject's.

So destroying a month's key makes the month unreadable, erasing a person makes their entries unreadable, and no entry
is ever deleted. The layout is in stored rows: it can't change.
"""

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from gateway.core.privacy.sealing import DataKey, Place, sealed_at

_MARK: Final = b"2."  # what was sealed before there were months is a bare Fernet token, and begins with "g"
_SEAL_LABEL: Final = b"bastion/v1/audit\0"
_TERM_LABEL: Final = b"bastion/v1/audit-terms\0"


@dataclass(frozen=True, slots=True, repr=False)
class Period:
    """A calendar month in UTC, such as 2026-11, and its key. repr is left out so that no key reaches a log."""

    month: str
    key: DataKey

    def seal(self, place: Place, values: Mapping[str, object], subject: DataKey | None, at: int) -> bytes:
        """at: Unix seconds. Where it lies in another month, the token bears the beginning of this one."""
        text = json.dumps(dict(values), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        inside = at if month_of(at) == self.month else _begin_of(self.month)
        return _MARK + self._key_with(subject).seal_text(place, text, at=inside)

    def unseal(self, place: Place, sealed: bytes, subject: DataKey | None) -> dict[str, str | list[str]]:
        """Raises BrokenSeal."""
        found: dict[str, str | list[str]] = json.loads(
            self._key_with(subject).unseal_text(place, sealed.removeprefix(_MARK))
        )
        return found

    def term(self, what: str, value: str) -> bytes:
        """What a personal value is searched by."""
        return hmac.digest(self.key.raw, _TERM_LABEL + f"{self.month}\0{what}\0{value}".encode(), "sha256")

    def _key_with(self, subject: DataKey | None) -> DataKey:
        under = self.key if subject is None else subject
        return DataKey(hmac.digest(under.raw, _SEAL_LABEL + self.key.raw, "sha256"))


def month_of(at: int) -> str:
    """at: Unix seconds."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m")


def month_after(month: str) -> str:
    year, number = map(int, month.split("-"))
    return f"{year + number // 12:04}-{number % 12 + 1:02}"


def end_of(month: str) -> int:
    """Unix seconds, the first that is not in it."""
    return _begin_of(month_after(month))


def month_sealed(sealed: bytes) -> str | None:
    """Whose key opens it; None: it was sealed before there were months. Raises BrokenSeal."""
    return month_of(sealed_at(sealed.removeprefix(_MARK))) if sealed.startswith(_MARK) else None


def months_sealed(sealed: Sequence[bytes]) -> set[str]:
    return {month for one in sealed if (month := month_sealed(one)) is not None}


def _begin_of(month: str) -> int:
    return int(datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC).timestamp())
