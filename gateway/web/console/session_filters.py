"""The filters of /admin/sessions, and a session as its lists show it."""

from collections.abc import Mapping
from typing import Final

from gateway.core.assurance.words import proof_words, score_words
from gateway.core.base64url import b64, unb64
from gateway.core.browsers import browser_name
from gateway.flows.admin.sessions import SessionLine, SessionsWanted
from gateway.web.account import ago, iso
from gateway.web.text import shown

IN_URLS: Final = ("host", "kept", "factor", "risk")  # what names nobody
FILTERS: Final = (*IN_URLS, "person", "address")
FIELD_CHARS: Final = 320
_MOST_DIGITS: Final = 18
_MOST_RISK: Final = 100
_YES_NO: Final = {"yes": True, "no": False}


def line_of(one: SessionLine, now: int) -> Mapping[str, object]:
    login = one.login
    return {
        "id": b64(login.id),
        "user_id": login.user_id,
        "name": shown(one.username) or "nobody any more",
        "browser": shown(browser_name(login.user_agent)),
        "address": shown(login.address) or "address not known",
        "created": ago(now - login.created_at),
        "created_iso": iso(login.created_at),
        "seen": ago(now - login.last_seen_at),
        "hosts": shown(", ".join(login.hosts)),
        "proven": proof_words(login.assurance),
        "score": score_words(login.assurance),
        "kept": login.persistent,
        "may_end": one.may_end,
    }


def wanted_of(asked: Mapping[str, str]) -> SessionsWanted:
    """What no page of ours sends is not asked for."""
    risk = asked.get("risk", "")
    return SessionsWanted(
        asked.get("person", ""),
        asked.get("address", ""),
        asked.get("host", ""),
        _YES_NO.get(asked.get("kept", "")),
        _YES_NO.get(asked.get("factor", "")),
        min(int(risk), _MOST_RISK) if _is_number(risk) else None,
        _after(asked.get("after", "")),
    )


def _after(text: str) -> tuple[int, bytes] | None:
    """The last of the page before; None for what is none."""
    at, _, login = text.partition(".")
    try:
        return (int(at), unb64(login)) if _is_number(at) else None
    except ValueError:
        return None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
