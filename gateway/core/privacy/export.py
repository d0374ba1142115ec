"""The copy that people get of what is stored of them: JSON for programs, and a page for themselves."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any, Final

# Of each table the columns that a copy shows. The others hold secrets, digests or ids that say nothing to a person.
SHOWN: Final[Mapping[str, tuple[str, ...]]] = {
    "logins": ("created_at", "persistent", "expires_at", "last_seen_at", "ended_at", "ended_why", "sealed"),
    "devices": ("sealed", "first_at", "last_at", "logins"),
    "risk_profiles": ("sealed", "last_at"),
    "app_consents": ("client", "scope", "resource", "at", "withdrawn"),
    "grants": ("kind", "client", "scope", "resource", "created_at", "expires_at", "last_used_at", "ended_at"),
    "api_keys": ("sealed", "scope", "hosts", "networks", "created_at", "expires_at", "last_used_at", "ended_at"),
    "totp": ("created_at", "confirmed_at", "last_used_at"),
    "passkeys": ("sealed", "device_bound", "alone", "created_at", "last_used_at", "suspended_at"),
    "recovery_codes": ("kind", "created_at", "expires_at", "used_at"),
    "password_history": ("replaced_at",),
    "links": ("kind", "made_at", "expires_at", "used_at"),
    "notices": ("kind", "hour", "count", "told"),
    "lockouts": ("proving", "failed_at", "locked_s", "until"),
    "factor_resets": ("asked_at", "due_at"),
    "enrolments_due": ("due_at",),
    "erasure_requests": ("own", "asked_at", "due_at"),
    "consent_records": ("kind", "version", "language", "action", "at", "sealed"),
    "admin_roles": ("role", "until", "granted_at"),
    "refusals": ("at", "route", "reason", "outcome", "n", "sealed"),
    "admin_tokens": ("role", "networks", "created_at", "expires_at", "last_used_at", "revoked_at"),
    "account_uses": ("used_at",),
    "inactivity_notices": ("told_at",),
}
NOT_SHOWN: Final[Mapping[str, str]] = {
    "password_doubts": "a mark of a password that somebody else may know",
    "fresh_accounts": "whether the first sign-in is still to come",
    "consoles": "where the console is open now, which Sign-ins show",
    "user_keys": "the key that the rest is sealed with",
    "holds": "who is under a hold is not told by a copy",
    "codes": "they live for a minute",
    "attempts": "they live for minutes, until the second step",
    "resting_roles": "the entries of the log tell of each role",
}
TITLES: Final[Mapping[str, str]] = {
    "logins": "Sign-ins",
    "devices": "Devices",
    "risk_profiles": "Places and hours that are usual for you",
    "app_consents": "What you allowed apps",
    "grants": "Access of apps",
    "api_keys": "App passwords",
    "totp": "Authenticator apps",
    "passkeys": "Passkeys",
    "recovery_codes": "Recovery codes",
    "password_history": "Earlier passwords (only their digests are stored)",
    "links": "Links that were mailed to you",
    "notices": "Messages that were due",
    "lockouts": "Wrong passwords and codes",
    "factor_resets": "Resets of your second factor",
    "enrolments_due": "Second factors that you have to set up",
    "erasure_requests": "Your request to be deleted",
    "admin_roles": "Your role in the console",
    "refusals": "Requests that were refused",
    "admin_tokens": "Tokens for the console's API that answer to you",
    "account_uses": "When your account was last used, from earlier sign-ins",
    "inactivity_notices": "Mail about your unused account",
    "consent_records": "What you answered to terms, notices and consents",
    "audit": "The log of what happened to your account",
}
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2em;color-scheme:light dark}table{border-collapse:collapse}"
    "td,th{border:1px solid;padding:.2em .6em;text-align:left;vertical-align:top}"
)

CopyRow = Mapping[str, Any]


def as_json(person: CopyRow, tables: Mapping[str, Sequence[CopyRow]], now: int) -> str:
    """now: Unix seconds, as all times in it."""
    return json.dumps({"exported_at": now, "person": person, **tables}, indent=2, ensure_ascii=False)


def as_page(person: CopyRow, tables: Mapping[str, Sequence[CopyRow]], now: int) -> str:
    """Nothing in it is loaded from elsewhere."""
    sections = "".join(_section(TITLES[name], rows) for name, rows in tables.items() if rows)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Your data</title><style>{_STYLE}</style>'
        f"<h1>Your data</h1><p>As of {_time(now)}.</p>{_section('You', [person])}{sections}</html>\n"
    )


def _section(title: str, rows: Sequence[CopyRow]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{_shown(name, row.get(name))}</td>' for name in names)}</tr>" for row in rows)
    return f"<h2>{escape(title)}</h2><table><tr>{head}</tr>{body}</table>"


def _shown(name: str, value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int() if name.endswith("_at") or name in ("at", "until"):
            return _time(value)
        case list() | tuple():
            return ", ".join(_shown(name, one) for one in value)
        case dict():
            return "<br>".join(f"{escape(key)}: {_shown(key, one)}" for key, one in value.items())
        case _:
            return escape(str(value))


def _time(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
