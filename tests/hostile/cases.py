"""The hostile requests: read from corpus/*.yaml, and written out as bytes for one person and one host.

In a case stand, all optional but `name`:
    method, target, version   of the request line
    host                      the Host lines; one is `{host}` unless it says otherwise
    headers                   lines as they are sent; without a Cookie line the session is sent
    body, chunked             and how it is sent
    padding                   so many more bytes of body, after the length was said
    raw                       instead of all these: lines, put together with CR LF
    h2                        instead of all these: the fields of an HTTP/2 request; `body` goes with it
    methods                   of the requests in it, where there are several
    expect                    what is made of it: [for nobody, for Eve], or one word for both: the route by which the
                              app is reached, `login`, `denied`, `refused` (4xx, and the default), `nothing` (no answer
                              is due), or what Caddy answers by itself and is no 4xx: `empty` (200), "501", "505";
                              `|` between two that may be
    alone                     the connection is of no use afterwards
Placeholders: {host}, {port}, {cookie} (Eve's session, or nothing), {mark} (the line by which the app's record is
found).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.hostile.wire import chunked

_CORPUS: Final = Path(__file__).with_name("corpus")
_KEYS: Final = {
    "name", "method", "target", "version", "host", "headers", "body", "chunked", "padding", "raw", "h2",
    "methods", "expect", "alone",
}  # fmt: skip
MARK: Final = "X-Case"


@dataclass(frozen=True, slots=True)
class Case:
    """expect: for nobody and for Eve."""

    group: str
    name: str
    said: Mapping[str, Any]
    expect: tuple[str, str]

    @property
    def methods(self) -> list[str]:
        return list(self.said.get("methods", [self.said.get("method", "GET")]))

    @property
    def words(self) -> frozenset[str]:
        """Of `expect`, all that may be."""
        return frozenset(word for expected in self.expect for word in expected.split("|"))

    @property
    def alone(self) -> bool:
        return bool(self.said.get("alone", False))

    def octets(self, host: str, port: int, cookie: str, mark: str) -> bytes:
        """As it goes over the wire; a character is a byte."""
        filled = Filled(host, port, cookie, mark)
        if "raw" in self.said:
            return filled.octets("\r\n".join(self.said["raw"]))
        body = filled.octets(self.said.get("body", ""))
        lines = ["{method} {target} {version}".format(**_line(self.said))]
        lines += [f"Host: {one}" for one in _listed(self.said.get("host", "{host}:{port}"))]
        headers = list(self.said.get("headers", []))
        if not any(line.lower().startswith("cookie") for line in headers):
            headers.append("Cookie: {cookie}")
        if self.said.get("chunked"):
            headers.append("Transfer-Encoding: chunked")
        elif body and not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in headers):
            headers.append(f"Content-Length: {len(body)}")
        head = filled.octets("\r\n".join([*lines, "{mark}", *headers]))
        sent = chunked(body) if self.said.get("chunked") else body
        head = head.replace(b"\r\nCookie: \r\n", b"\r\n").removesuffix(b"\r\nCookie: ")
        return head + b"\r\n\r\n" + sent + b"x" * int(self.said.get("padding", 0))

    def fields(self, host: str, port: int, cookie: str, mark: str) -> tuple[list[tuple[str, str]], bytes]:
        """Of an HTTP/2 request, with its body."""
        filled = Filled(host, port, cookie, mark)
        pairs = [(filled.text(name), filled.text(value)) for name, value in self.said["h2"]]
        if not any(name == "cookie" for name, _ in pairs) and cookie:
            pairs.append(("cookie", cookie))
        return [*pairs, (MARK.lower(), mark)], filled.octets(self.said.get("body", ""))


@dataclass(frozen=True, slots=True)
class Filled:
    """Puts what is known at the time of sending in the place of placeholders."""

    host: str
    port: int
    cookie: str
    mark: str

    def text(self, template: str) -> str:
        text = template.replace("{host}", self.host).replace("{port}", str(self.port))
        return text.replace("{cookie}", self.cookie).replace("{mark}", f"{MARK}: {self.mark}")

    def octets(self, template: str) -> bytes:
        return self.text(template).encode("latin-1")


def cases() -> Iterator[Case]:
    for file in sorted(_CORPUS.glob("*.yaml")):
        for said in yaml.safe_load(file.read_text()):
            assert said.keys() <= _KEYS, said
            expect = said.get("expect", "refused")
            both = (expect, expect) if isinstance(expect, str) else tuple(expect)
            yield Case(file.stem, said["name"], said, (both[0], both[1]))


def _line(said: Mapping[str, Any]) -> dict[str, str]:
    usual = {"method": "GET", "target": "/admin/secret", "version": "HTTP/1.1"}
    return {key: said.get(key, value) for key, value in usual.items()}


def _listed(found: str | list[str]) -> list[str]:
    return [found] if isinstance(found, str) else found
