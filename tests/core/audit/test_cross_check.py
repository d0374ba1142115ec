"""What entries make of the tables, and which row differs from it."""

from uuid import UUID

import pytest

from gateway.core.audit.app_events import ApiKeyCreated, ApiKeyRevoked, ClientAdded, ClientChanged, ClientDisabled
from gateway.core.audit.chain import Stored
from gateway.core.audit.cross_check import RECOVERY_CODES, Fold, RowFacts, RowName, differences
from gateway.core.audit.entries import canonical
from gateway.core.audit.entry import entry_of
from gateway.core.audit.event import Event
from gateway.core.audit.factor_events import (
    FactorAdded,
    FactorRemoved,
    OperatorCodeMade,
    RecoveryCodesMade,
    RecoveryCodeUsed,
)
from gateway.core.audit.key_events import SigningKeyCompromised, SigningKeyCreated, SigningKeyRetired
from gateway.core.audit.people_events import GroupsChanged, UserAdded, UserDisabled, UserEnabled
from gateway.core.login import one_time_codes

ADA = UUID(int=1)
USER = RowName("users", str(ADA))
ADDED = UserAdded(ADA, ("staff",), "ada", "Ada", "")
NONE = {"authenticator apps": 0, "passkeys": 0, "recovery codes": 0, "operator codes": 0}


def rows(*events: Event) -> dict[RowName, RowFacts]:
    fold = Fold()
    for event in events:
        entry = entry_of(event, 5, "cli:root", "")
        stored = Stored(1, entry.kind.value, 5, entry.actor, entry.subject, canonical(entry.detail), b"", "")
        fold.hear([stored])
    return fold.rows


def test_recovery_codes_are_as_many_as_are_made() -> None:
    assert RECOVERY_CODES == one_time_codes.RECOVERY_CODES


@pytest.mark.parametrize(
    ("events", "changed"),
    [
        ([], {}),
        ([UserDisabled(ADA, ())], {"state": "disabled"}),
        ([UserDisabled(ADA, ()), UserEnabled(ADA)], {}),
        ([GroupsChanged(ADA, ("staff",), ("ops", "crew"))], {"groups": ["ops", "crew"]}),
        ([FactorAdded(ADA, "totp")], {"authenticator apps": 1}),
        ([FactorAdded(ADA, "totp"), FactorAdded(ADA, "totp", "yes")], {"authenticator apps": 1}),
        ([FactorAdded(ADA, "passkey"), FactorAdded(ADA, "passkey")], {"passkeys": 2}),
        ([FactorAdded(ADA, "passkey"), RecoveryCodesMade(ADA)], {"passkeys": 1, "recovery codes": 10}),
        ([RecoveryCodesMade(ADA), RecoveryCodeUsed(ADA, "recovery", 9)], {"recovery codes": 9}),
        ([OperatorCodeMade(ADA, 9, "lost")], {"operator codes": 1}),
        ([OperatorCodeMade(ADA, 9, "lost"), RecoveryCodeUsed(ADA, "operator", 0)], {}),
        (
            [
                FactorAdded(ADA, "totp"),
                FactorAdded(ADA, "passkey"),
                RecoveryCodesMade(ADA),
                FactorRemoved(ADA, "totp", "by_person"),
            ],
            {"passkeys": 1, "recovery codes": 10},
        ),
        ([FactorAdded(ADA, "totp"), RecoveryCodesMade(ADA), FactorRemoved(ADA, "totp", "by_person")], {}),
    ],
)
def test_entries_make_a_person(events: list[Event], changed: RowFacts) -> None:
    assert rows(ADDED, *events) == {USER: {"state": "active", "groups": ["staff"], **NONE} | changed}


def test_entries_make_keys_and_clients() -> None:
    made = rows(
        ApiKeyCreated(ADA, "A", "made_by_person", ("files",), ("app.example.org",), (), 0, "laptop"),
        ApiKeyRevoked(ADA, "A", "ended_by_person"),
        SigningKeyCreated(None, "S", "ES256", "missing", 7),
        SigningKeyRetired(None, "S", "ES256", "rotation", 9),
        SigningKeyCompromised(None, "S", "ES256", "by_operator"),
        ClientAdded(None, "shop", "d1", "{}", ()),
        ClientChanged(None, "shop", "active", 2, ("name",), "d2", '{"name":"Shop"}', ()),
        ClientDisabled(None, "shop"),
    )

    assert made == {
        RowName("api_keys", "A"): {
            "user_id": str(ADA),
            "ended": True,
            "scopes": ["files"],
            "hosts": ["app.example.org"],
            "expires_at": 0,
        },
        RowName("signing_keys", "S"): {"alg": "ES256", "active_from": 7, "retire_at": 9, "compromised": True},
        RowName("clients", "shop"): {"state": "disabled", "digest": "d2"},
    }


def test_a_client_of_an_earlier_version_is_compared_by_its_settings_until_it_is_changed() -> None:
    fold, old = Fold(), '{"client":"shop","settings":"{}"}'
    fold.hear([Stored(1, "client_added", 5, "cli:root", None, old, b"", "")])
    before = dict(fold.rows)
    changed = '{"changed":[],"client":"shop","digest":"d2","state":"active","version":2}'
    fold.hear([Stored(2, "client_changed", 5, "cli:root", None, changed, b"", "")])

    assert before == {RowName("clients", "shop"): {"state": "active", "settings": "{}"}}
    assert fold.rows == {RowName("clients", "shop"): {"state": "active", "digest": "d2"}}


def test_each_row_and_column_that_differs_is_named() -> None:
    key = RowName("api_keys", "A")
    expected: dict[RowName, RowFacts] = {
        USER: {"state": "disabled", "groups": ["staff"]},
        RowName("clients", "shop"): {"state": "active"},
        key: {"ended": True},
    }

    def against(**found: RowFacts) -> list[str]:
        by_name = {"user": USER, "client": RowName("clients", "shop"), "key": key, "other": RowName("users", "x")}
        return list(differences(Fold(expected), {by_name[one]: facts for one, facts in found.items()}))

    whole: dict[str, RowFacts] = {"user": {"state": "disabled", "groups": ["staff"]}, "client": {"state": "active"}}
    assert against(**whole) == []
    assert against(**whole, key={"ended": True}) == []
    assert against(**whole, key={"ended": False}) == ["api_keys A: ended is False, and the log says True"]
    assert against(**whole, other={}) == ["users x: no entry tells of this row"]
    assert against(user=whole["user"]) == ["clients shop: the row is gone"]
    assert against(**whole | {"user": {"state": "active", "groups": ["staff", "ops"]}}) == [
        f"users {ADA}: state is 'active', and the log says 'disabled'",
        f"users {ADA}: groups is ['staff', 'ops'], and the log says ['staff']",
    ]
