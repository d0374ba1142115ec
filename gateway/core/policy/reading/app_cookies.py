"""Reads the names of an app's own cookies."""

import re
from typing import Final

from gateway.core.policy.app_cookies import AppCookie
from gateway.core.policy.grammar import APP_COOKIE, COOKIE_NAME_CHARS, COOKIE_PATH_CHARS
from gateway.core.policy.places import Page
from gateway.core.policy.reading.maps import keyed
from gateway.core.policy.reading.words import items, text
from gateway.core.yaml_marks import Marked, MarkedMap, MarkedScalar

_NAME: Final = re.compile(rf"[!-:<>-~]{{1,{COOKIE_NAME_CHARS}}}")  # what a Set-Cookie field can name
_PATH: Final = re.compile(rf"/[!-:<-~]{{0,{COOKIE_PATH_CHARS - 1}}}")
_OURS: Final = "__host-bastion"
_ROOT_ONLY: Final = "__host-"


def read_app_cookies(page: Page, at: Marked) -> tuple[AppCookie, ...]:
    if isinstance(at, MarkedScalar) and at.text == "none":
        return ()
    each = (_one(page, item) for item in items(page, at, "the name of a cookie"))
    return tuple(cookie for cookie in each if cookie is not None)


def _one(page: Page, at: Marked) -> AppCookie | None:
    given = (keyed(page, at, APP_COOKIE) or {}) if isinstance(at, MarkedMap) else {"name": at}
    name = _name(page, given["name"]) if "name" in given else None
    path = _path(page, given["path"]) if "path" in given else ""
    if name is None or path is None:
        return None
    if path not in ("", "/") and name.lower().startswith(_ROOT_ONLY):
        page.say(given["path"], f"{name} lies at / in every browser; expected no other path")
    return AppCookie(name, path, page.place(at))


def _name(page: Page, at: Marked) -> str | None:
    name = text(page, at, "the name of a cookie")
    if name is not None and not _NAME.fullmatch(name):
        page.say(
            at, f"`{name}` is no name of a cookie; expected 1 to {COOKIE_NAME_CHARS} visible characters without ; and ="
        )
    elif name is not None and name.lower().startswith(_OURS):
        page.say(at, f"`{name}` is Bastion's own; expected a cookie of the app")
    return name


def _path(page: Page, at: Marked) -> str | None:
    path = text(page, at, "a path such as /shop")
    if path is not None and not _PATH.fullmatch(path):
        page.say(
            at,
            f"`{path}` is no path of a cookie; expected one that starts with /, of at most {COOKIE_PATH_CHARS} visible "
            "characters without ;",
        )
    return path
