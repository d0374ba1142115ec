"""A shared cache in front of Caddy, as RFC 9111 has it, and as content networks bend it."""

import re
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.client import HTTPMessage
from typing import Final

from tests.staging import Seen, Visitor

_HEURISTIC: Final = (200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501)  # RFC 9110 section 15.1
_FOREVER_S: Final = 600
_STATIC: Final = re.compile(r"\.(css|js|png|woff2)$")
_DIRECTIVE: Final = re.compile(r'([a-z-]+)\s*(?:=\s*("[^"]*"|[^,\s]*))?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Stored:
    """selected: what the stored request had in the fields that Vary names."""

    answer: Seen
    selected: dict[str, str]


@dataclass
class SharedCache:
    """by_name: keeps what looks static by its path even where the answer says nothing, as content networks do.

    Nothing ever gets old here, which is the worst case. hits: answers that came out of the cache.
    """

    by_name: bool = False
    hits: int = 0
    _stored: dict[str, list[_Stored]] = field(default_factory=dict)

    def get(self, visitor: Visitor, url: str, headers: dict[str, str]) -> Seen:
        """What the visitor gets through the cache."""
        cookies = visitor.jar.get(url.split("/")[2].partition(":")[0], {})
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()), **headers}
        for stored in self._stored.get(url, []):
            if stored.selected == _selected(stored.answer.headers, sent):
                self.hits += 1
                return stored.answer
        answer = visitor.send("GET", url, sent)
        if self._may_store(url, answer, sent):
            self._stored.setdefault(url, []).append(_Stored(answer, _selected(answer.headers, sent)))
        return answer

    def _may_store(self, url: str, answer: Seen, sent: dict[str, str]) -> bool:
        """RFC 9111 section 3, and RFC 9213 for the cache's own field, which wins."""
        targeted = answer.headers.get_all("CDN-Cache-Control") or answer.headers.get_all("Surrogate-Control")
        said = _directives(", ".join(targeted or answer.headers.get_all("Cache-Control") or []))
        if said.keys() & {"no-store", "private", "no-cache"} or answer.headers.get("Vary", "").strip() == "*":
            return False
        if "Authorization" in sent and not said.keys() & {"public", "s-maxage", "must-revalidate"}:
            return False
        lifetime = said.get("s-maxage", said.get("max-age", ""))
        if lifetime:
            return int(lifetime) > 0
        if "Expires" in answer.headers:
            return parsedate_to_datetime(answer.headers["Expires"]).timestamp() > _FOREVER_S
        heuristic = "public" in said or (answer.status in _HEURISTIC and "Last-Modified" in answer.headers)
        looks_static = self.by_name and answer.status in _HEURISTIC and bool(_STATIC.search(url.partition("?")[0]))
        return heuristic or looks_static


def _directives(text: str) -> dict[str, str]:
    return {name.lower(): value.strip('"') for name, value in _DIRECTIVE.findall(text)}


def _selected(answer: HTTPMessage, sent: dict[str, str]) -> dict[str, str]:
    """RFC 9111 section 4.1."""
    names = {name.strip().lower() for line in answer.get_all("Vary") or [] for name in line.split(",")}
    return {name.lower(): value for name, value in sent.items() if name.lower() in names}
