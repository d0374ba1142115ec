"""How an entry of the audit log is shown to people."""

import json
from collections.abc import Mapping
from typing import Final

from gateway.cli._times import utc
from gateway.flows.evidence.audit_entries import Listed

_MOST_CHARACTERS: Final = 160  # of a value; the rest is for `bastion audit show`
_ON_DEMAND: Final = ("diff", "settings")


def line(one: Listed) -> str:
    """In one line, however long its values are."""
    who = one.actor or "somebody"
    whom = f" -> {one.subject}" if one.subject and one.subject != one.actor else ""
    words = _words(one.detail) + _words(one.personal)
    unreadable = f"  ({one.unreadable})" if one.unreadable else ""
    return f"{one.id:>7}  {utc(one.at)}  {one.kind:<16}  {_printable(who + whom)}{words}{unreadable}"


def _words(values: Mapping[str, object]) -> str:
    return "".join(f"  {key}={_short(key, value)}" for key, value in values.items() if value not in ("", []))


def whole(one: Listed) -> str:
    """With all that it holds, each value on its own line and each item of a list too."""
    rows = {
        "id": one.id,
        "time": utc(one.at),
        "kind": one.kind,
        "actor": one.actor,
        "subject": one.subject,
        "position": one.position or "not linked yet",
        "request": one.request_id,
        "personal": one.unreadable,
    }
    lines = [f"{key:<12} {_printable(str(value))}" for key, value in rows.items() if value != ""]
    for key, value in {**one.detail, **one.personal}.items():
        if isinstance(value, list):
            lines += [f"{key:<12}", *(f"    {_printable(_text(item))}" for item in value)]
        else:
            lines.append(f"{key:<12} {_printable(_text(value))}")
    return "\n".join(lines)


def _short(key: str, value: object) -> str:
    text = _printable(_text(value))
    if isinstance(value, list) and (key in _ON_DEMAND or len(text) > _MOST_CHARACTERS):
        return f"({len(value)} {'line' if len(value) == 1 else 'lines'})"
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}..."


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _printable(text: str) -> str:
    """A stranger chooses their browser's name: nothing in it may speak to the terminal."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
