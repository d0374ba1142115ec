"""Folds the audit log to what the tables should hold, and names each row that differs: who wrote behind the log.

Only what entries tell whole is compared: states and groups, how many factors a person has, signing keys, API keys,
registered clients and changed settings. Passwords and names are not: the log never holds them in clear.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from gateway.core.audit.chain import Stored
from gateway.core.audit.entries import Kind

RECOVERY_CODES: Final = 10  # as many as recovery_codes_made gives
_ERASED: Final = "user_erased"
_NOTHING_ENROLLED: Final[Mapping[str, object]] = {
    "authenticator apps": 0,
    "passkeys": 0,
    "recovery codes": 0,
    "operator codes": 0,
}
_END_OF_SESSIONS: Final = "end-sessions"  # its row is numbered, and its entry is not
_COUNTED: Final = {"totp": "authenticator apps", "passkey": "passkeys"}


class RowName(NamedTuple):
    """Of a row: its table, and its key as text."""

    table: str
    key: str

    def __str__(self) -> str:
        return f"{self.table} {self.key}"


RowFacts: TypeAlias = dict[str, object]


@dataclass(slots=True)
class Fold:
    """rows: what the entries heard so far make of the tables. optional: those of them that may be gone."""

    rows: dict[RowName, RowFacts] = field(default_factory=dict)
    optional: set[RowName] = field(default_factory=set)

    def hear(self, entries: Iterable[Stored]) -> None:
        """In the order in which they were committed."""
        for entry in entries:
            detail = json.loads(entry.detail)
            if entry.kind == Kind.RESTORED.value:
                self._restored()
            if entry.subject is not None:
                self._person(entry.kind, RowName("users", str(entry.subject)), detail)
                self._api_key(entry.kind, str(entry.subject), detail)
            self._signing_key(entry.kind, detail)
            self._client(entry.kind, detail)
            self._setting(entry.kind, detail)

    def _restored(self) -> None:
        """One-time codes ended with it."""
        for name, facts in self.rows.items():
            if name.table == "users" and facts["state"] != "erased":
                facts |= {"recovery codes": 0, "operator codes": 0}

    def _person(self, kind: str, name: RowName, detail: Mapping[str, object]) -> None:
        if kind == Kind.USER_ADDED.value:
            self.rows[name] = {"state": "active", "groups": detail.get("groups"), **_NOTHING_ENROLLED}
        elif kind == _ERASED:
            self.rows[name] = {"state": "erased"}
        elif name in self.rows:
            self.rows[name] |= _of_person(kind, detail, self.rows[name])

    def _api_key(self, kind: str, person: str, detail: Mapping[str, object]) -> None:
        name = RowName("api_keys", str(detail.get("key")))
        if kind == Kind.API_KEY_CREATED.value:
            kept = {one: detail[one] for one in ("scopes", "hosts", "networks", "expires_at") if one in detail}
            self.rows[name] = {"user_id": person, "ended": False, **kept}
        elif kind == Kind.API_KEY_REVOKED.value and name in self.rows:
            self.rows[name]["ended"] = True

    def _signing_key(self, kind: str, detail: Mapping[str, object]) -> None:
        name = RowName("signing_keys", str(detail.get("kid")))
        if kind == Kind.SIGNING_KEY_CREATED.value:
            kept = {one: detail.get(one) for one in ("alg", "active_from")}
            self.rows[name] = {**kept, "retire_at": None, "compromised": False}
        elif kind == Kind.SIGNING_KEY_RETIRED.value and name in self.rows:
            self.rows[name]["retire_at"] = detail.get("retire_at")
        elif kind == Kind.SIGNING_KEY_COMPROMISED.value and name in self.rows:
            self.rows[name]["compromised"] = True

    def _client(self, kind: str, detail: Mapping[str, object]) -> None:
        name = RowName("clients", str(detail.get("client")))
        if kind == Kind.CLIENT_ADDED.value:
            self.rows[name] = {"state": "active", **_settings(detail)}
        elif kind == Kind.CLIENT_CHANGED.value and name in self.rows:
            self.rows[name] = {"state": detail.get("state"), **_settings(detail)}
        elif kind == Kind.CLIENT_DISABLED.value and name in self.rows:
            self.rows[name]["state"] = "disabled"

    def _setting(self, kind: str, detail: Mapping[str, object]) -> None:
        """A change to what the file says deletes the row, or writes the same into it."""
        if kind == Kind.SETTING_CHANGED.value:
            name = RowName("settings", str(detail.get("setting")))
            self.rows[name] = {"value": detail.get("after"), **_in_force(detail)}
            (self.optional.add if detail.get("after") == detail.get("file") else self.optional.discard)(name)
        elif kind == Kind.SETTING_EXPIRED.value:
            self.rows.pop(RowName("settings", str(detail.get("setting"))), None)
        elif kind == Kind.EMERGENCY_BEGUN.value and detail.get("what") != _END_OF_SESSIONS:
            self.rows[_emergency(detail)] = _in_force(detail)
        elif kind == Kind.EMERGENCY_ENDED.value:
            self.rows.pop(_emergency(detail), None)


def differences(fold: Fold, found: Mapping[RowName, RowFacts]) -> Iterator[str]:
    """One line for each row and column. API keys are deleted some time after they ended, and may be gone."""
    expected = fold.rows
    for name in sorted(expected.keys() | found.keys()):
        if name not in expected:
            yield f"{name}: no entry tells of this row"
        elif name in found:
            yield from _columns(name, expected[name], found[name])
        elif name.table != "api_keys" and name not in fold.optional:
            yield f"{name}: the row is gone"


def _columns(name: RowName, expected: RowFacts, found: RowFacts) -> Iterator[str]:
    for column, value in expected.items():
        if found.get(column) != value:
            yield f"{name}: {column} is {found.get(column)!r}, and the log says {value!r}"


def _in_force(detail: Mapping[str, object]) -> RowFacts:
    return {one: detail.get(one) for one in ("until", "revision")}


def _emergency(detail: Mapping[str, object]) -> RowName:
    """As core/admin/emergency.py makes the key."""
    named = detail.get("named")
    return RowName("settings", f"emergency.{detail.get('what')}" + (f".{named}" if named else ""))


def _settings(detail: Mapping[str, object]) -> RowFacts:
    """Of a client: in clear in entries of earlier versions, as a digest since they are sealed."""
    return {one: detail[one] for one in ("settings", "digest") if one in detail}


def _of_person(kind: str, detail: Mapping[str, object], before: RowFacts) -> RowFacts:
    """What an entry changes of somebody who was added."""
    match kind:
        case Kind.USER_DISABLED.value:
            return {"state": "disabled"}
        case Kind.USER_ENABLED.value:
            return {"state": "active"}
        case Kind.GROUPS_CHANGED.value:
            return {"groups": detail.get("after")}
        case _:
            return _of_factors(kind, detail, before)


def _of_factors(kind: str, detail: Mapping[str, object], before: RowFacts) -> RowFacts:
    match kind:
        case Kind.FACTOR_ADDED.value:
            return _counted(str(detail.get("factor")), before, 1)
        case Kind.FACTOR_REMOVED.value:
            after = before | _counted(str(detail.get("factor")), before, -1)
            return after if any(after.get(one) for one in _COUNTED.values()) else dict(_NOTHING_ENROLLED)
        case Kind.RECOVERY_CODES_MADE.value:
            return {"recovery codes": RECOVERY_CODES}
        case Kind.OPERATOR_CODE_MADE.value:
            return {"operator codes": 1}
        case Kind.RECOVERY_CODE_USED.value:
            used = {"operator codes": 0} if detail.get("code") == "operator" else {}
            return {"recovery codes": detail.get("left"), **used}
        case _:
            return {}


def _counted(factor: str, before: RowFacts, more: int) -> RowFacts:
    """A person has one authenticator app at most: another one replaces it."""
    column = _COUNTED.get(factor)
    count = None if column is None else before.get(column)
    if column is None or not isinstance(count, int):
        return {}
    return {column: max(0, min(1, count + more) if factor == "totp" else count + more)}
