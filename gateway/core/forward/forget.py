"""Owns what the next person on a browser must not meet: the app's session, cache and storage of the one before."""

from typing import Final

from gateway.core.forward.answer import Answer, own_head
from gateway.core.forward.context import Context
from gateway.core.forward.request import ForwardedRequest
from gateway.core.session.cookies import GONE_COOKIE, expire_foreign, foreign_names, set_cookie

_MOST_DOMAINS: Final = 8
_GONE_S: Final = 60
_MOST_CHARACTERS: Final = 24_576  # of all the cookies together: proxies and browsers bound the head of an answer


def forget_app(context: Context, request: ForwardedRequest) -> list[tuple[str, str]]:
    """Expires the cookies that the policy names for the host, and those that the request shows (threats.md H4).

    Never "cookies" in Clear-Site-Data: that empties the whole registrable domain.
    """
    cookies = context.policy.cookies_of(request.host)
    names = dict.fromkeys((*cookies.named, *foreign_names(request.cookie_lines)))
    places = [(name, path) for name in names for path in cookies.paths_of(name)]
    # Most cookies have no domain: those go first, should it be too much for one answer.
    lines = [expire_foreign(name, path) for name, path in places]
    lines += [expire_foreign(name, path, domain) for domain in _domains(request.host) for name, path in places]
    return [("Clear-Site-Data", '"cache", "storage"'), *(("Set-Cookie", line) for line in _first(lines))]


def forget_pages(context: Context, request: ForwardedRequest) -> Answer:
    """Takes pages with no-store from behind the back button, and goes on to the page that says goodbye.

    Chromium keeps them until a cookie of the host changes, and only what changes after the page was left counts: by
    then the logout's own answer is over (threats.md H6). The browser comes here from the page after it.
    """
    headers = [
        ("Location", f"{context.auth_origin}/signed-out"),
        ("Set-Cookie", set_cookie(GONE_COOKIE, request.request_id, _GONE_S)),
    ]
    return Answer(302, own_head(request.request_id, headers), b"", "login", "bastion/gone", "logout")


def _domains(host: str) -> list[str]:
    """The host and its parents, each of which a cookie may be for."""
    labels = host.split(".")
    own, *parents = [".".join(labels[start:]) for start in range(max(1, len(labels) - 1))]
    return [own, *parents[-_MOST_DOMAINS + 1 :]]


def _first(lines: list[str | None]) -> list[str]:
    kept, left = list[str](), _MOST_CHARACTERS
    for line in lines:
        if line is not None and len(line) <= left:
            kept.append(line)
            left -= len(line)
    return kept
