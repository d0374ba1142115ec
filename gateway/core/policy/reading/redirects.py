"""Reads where a client has people sent back to, and the APIs and pages that it names."""

import re
from typing import Final
from urllib.parse import urlsplit

from gateway.core.policy.client import LOOPBACK
from gateway.core.policy.places import Page
from gateway.core.policy.reading.cors import is_origin, judge_origin
from gateway.core.policy.reading.words import items, text
from gateway.core.policy.site import Site
from gateway.core.yaml_marks import Marked

_VISIBLE: Final = re.compile(r"[!-~]+")
_LOCALHOST: Final = re.compile(r"http://localhost(?=[:/]|$)")
_APP_SCHEME: Final = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)+:/[^#]*")
_MOST: Final = 20
_LONGEST: Final = 500


def read_redirects(page: Page, key: str, at: Marked, kind: str, site: Site) -> tuple[str, ...]:
    """kind: the client's type. What is wrong is said, and left out."""
    given = items(page, at, "a URI")
    if len(given) > _MOST:
        page.say(at, f"{len(given)} {key}; expected at most {_MOST}")
    found: dict[str, None] = {}
    for item in given:
        uri = text(page, item, "a URI such as https://wiki.example.org/oauth/callback")
        if uri is None:
            continue
        wrong = f"`{uri}` again; expected each once" if uri in found else _wrong(uri, kind, site)
        if wrong:
            page.say(item, wrong)
        else:
            found[uri] = None
    return tuple(found)


def read_web_uri(page: Page, at: Marked, site: Site) -> str:
    """One that Bastion itself is to reach; "" where it is wrong, which is said."""
    uri = text(page, at, "a URI such as https://wiki.example.org/oauth/logout") or ""
    wrong = _wrong(uri, "web", site) if uri else ""
    if wrong:
        page.say(at, wrong)
    return "" if wrong else uri


def origin_of(uri: str) -> str:
    """Of an https URI, as browsers write it."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"


def read_origins(page: Page, at: Marked, what: str, site: Site) -> tuple[str, ...]:
    """what: an origin is for."""
    found: dict[str, None] = {}
    for item in items(page, at, "an origin"):
        origin = text(page, item, f"an origin as https://{what}.example.org")
        if origin is not None and not origin.startswith(_schemes(site)):
            page.say(item, f"`{origin}` is not over https; expected an origin as https://{what}.example.org")
        elif origin is not None:
            judge_origin(page, item, origin)
            found[origin] = None
    return tuple(found)


def _wrong(uri: str, kind: str, site: Site) -> str:
    """The message, "" where it is fine."""
    if len(uri) > _LONGEST or not _VISIBLE.fullmatch(uri):
        return f"a redirect URI of {len(uri)} characters; expected at most {_LONGEST}, visible ones of ASCII"
    if "*" in uri:
        return f"`{uri}` has a wildcard; expected it to the letter; write each URI out"
    if "#" in uri:
        return f"`{uri}` has a fragment; expected none; write {uri.partition('#')[0]}"
    if uri.startswith(_schemes(site)):
        return _wrong_https(uri)
    return _wrong_native(uri) if kind == "native" else f"`{uri}` is not over https; expected https:// for type {kind}"


def _wrong_https(uri: str) -> str:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return f"`{uri}` is no URI; expected such as https://wiki.example.org/oauth/callback"
    if "@" in parts.netloc:
        return "a redirect URI with a user name or password; expected none"
    if not is_origin(f"https://{parts.netloc}"):
        return f"`{parts.netloc}` is not as browsers write a host; expected small letters and no empty port"
    return "" if parts.path else f"`{uri}` has no path; expected one; write {uri}/"


def _wrong_native(uri: str) -> str:
    if _LOCALHOST.match(uri):
        meant = _LOCALHOST.sub("http://127.0.0.1", uri)
        return f"`{uri}` trusts whoever answers for the name localhost; expected an address; write {meant}"
    if LOOPBACK.fullmatch(uri) or _APP_SCHEME.fullmatch(uri):
        return ""
    if uri.startswith("http:"):
        return f"`{uri}` is over http; expected https://, or http://127.0.0.1/callback on the device itself"
    return (
        f"`{uri}` has a scheme that any app can take; expected a reversed domain name of yours, as "
        "org.example.app:/callback"
    )


def _schemes(site: Site) -> tuple[str, ...]:
    """http where Bastion itself is reached over it, as in development."""
    return ("https://",) if site.origin_scheme == "https" else ("https://", "http://")
