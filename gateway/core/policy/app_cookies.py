"""Owns which cookies of its apps a host forgets, for the next person on a browser (threats.md H4)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.core.policy.places import Place

MOST_COOKIES: Final = 16  # of a host: each is expired at several paths and domains


@dataclass(frozen=True, slots=True)
class AppCookie:
    """path "": where the app is mounted."""

    name: str
    path: str
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class HostCookies:
    """Of all apps of a host. paths: where any cookie may lie. named: by the policy, with further paths."""

    paths: tuple[str, ...] = ("/",)
    named: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def paths_of(self, name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.paths, *self.named.get(name, ()))))


def cookies_of(bases: Iterable[str], cookies: Iterable[AppCookie]) -> HostCookies:
    """bases: of the apps of one host."""
    paths = tuple(dict.fromkeys(path for base in ("/", *bases) for path in _spellings(base)))
    named: dict[str, tuple[str, ...]] = {}
    for cookie in cookies:
        further = _spellings(cookie.path) if cookie.path else ()
        named[cookie.name] = tuple(dict.fromkeys((*named.get(cookie.name, ()), *further)))
    return HostCookies(paths, named)


def _spellings(path: str) -> tuple[str, ...]:
    """Browsers keep `/shop` and `/shop/` apart, and apps write either."""
    bare = path.rstrip("/")
    return (bare, bare + "/") if bare else ("/",)
