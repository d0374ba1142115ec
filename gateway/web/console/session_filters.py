"""The filters of /admin/sessions, and a session as its lists show it."""

from collections.abc import Mapping
from typing import Final

from gateway.core.assurance.words import proof_words, score_words
from gateway.core.base64url import b64
from gateway.core.browsers import browser_name
from gateway.flows.admin.sessions import SessionLine, SessionsWanted
from gateway.web.account import ago, iso
from gateway.web.cursors import time_and_id, whole_number
from gateway.web.text import shown

IN_URLS: Final = ("host", "kept", "factor", "risk")  # what names nobody
FILTERS: Final = (*IN_URLS, "person", "address")
FIELD_CHARS: Final = 320
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
    risk = whole_number(asked.get("risk", ""))
    return SessionsWanted(
        asked.get("person", ""),
        asked.get("address", ""),
        asked.get("host", ""),
        _YES_NO.get(asked.get("kept", "")),
        _YES_NO.get(asked.get("factor", "")),
        None if risk is None else min(risk, _MOST_RISK),
        time_and_id(asked.get("after", "")),
    )
