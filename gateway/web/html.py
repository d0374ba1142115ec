"""Renders the pages: autoescaped, strict about names, with addresses of static files that change with their content."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway.core.forward.pages import Page

_STATIC: Final = Path(__file__).parent / "static"
_DIGEST_CHARS: Final = 12
BASTION_LOGO: Final = "logo.svg"
_MOST_PAGES: Final = 512
_LINK_CHARS: Final = 256
_REFERENCE: Final = "REFERENCE"
_AROUND_REFERENCE: Final = '<code class="id">', "</code>"  # words of a page can't spell it: they are escaped
_TYPES: Final = {
    ".css": "text/css",
    ".ico": "image/vnd.microsoft.icon",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """name: as in the folder. path: what pages link, without the origin."""

    name: str
    path: str
    content_type: str
    content: bytes


def static_files() -> dict[str, StaticFile]:
    """All files of web/static by name, read once at start."""
    return {file.name: static_file(file.name, file.read_bytes()) for file in _STATIC.iterdir() if file.suffix in _TYPES}


def static_file(name: str, content: bytes) -> StaticFile:
    """name: with one of the endings that _TYPES has."""
    stem, dot, ending = name.rpartition(".")
    digest = hashlib.sha256(content).hexdigest()[:_DIGEST_CHARS]
    return StaticFile(name, f"/static/{stem}.{digest}{dot}{ending}", _TYPES[dot + ending], content)


@dataclass(frozen=True, slots=True)
class Brand:
    """Who runs the pages, as people know them. logo: name of a static file. help_url: "" for none.

    contact: a URI, "" for none.
    """

    name: str = "Bastion"
    logo: str = BASTION_LOGO
    help_url: str = ""
    contact: str = ""

    @property
    def has_own_logo(self) -> bool:
        return self.logo != BASTION_LOGO

    @property
    def contact_text(self) -> str:
        """As people write it."""
        return self.contact.removeprefix("mailto:").removeprefix("tel:").removeprefix("https://")


class Html:
    """Templates with `_()` for what is to be translated, `static()` for links, `brand` and `has_mail`.

    origin: "" on the auth host. has_mail: whether people get any.
    """

    def __init__(
        self, files: Mapping[str, StaticFile], origin: str = "", brand: Brand | None = None, *, has_mail: bool = False
    ) -> None:
        loader = PackageLoader("gateway.web", "templates")
        self._environment = Environment(
            loader=loader,
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
            auto_reload=False,
        )
        self._environment.install_null_translations(newstyle=True)  # type: ignore[attr-defined]  # added by the extension
        self._environment.globals["static"] = lambda name: origin + files[name].path
        self._environment.globals["brand"] = brand or Brand()
        self._environment.globals["has_mail"] = has_mail

    def text(self, template: str, **values: object) -> str:
        """Raises jinja2.UndefinedError for a name that the template uses and nobody gave."""
        return self._environment.get_template(template).render(**values)

    def page(self, template: str, status: int = 200, **values: object) -> web.Response:
        """A whole answer; the middleware adds what every answer carries."""
        text = self.text(template, **values)
        return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")


class RefusalPages:
    """Our pages on protected hosts. What differs from one to the next is mostly the reference: the rest is rendered
    once, so that whoever is refused a thousand times a second costs less than a page each. Not what has long links:
    they differ each time, some hold a hand-off code, and thousands of bytes each would fill the memory.
    """

    def __init__(self, html: Html) -> None:
        self._html = html
        self._around: Final[Callable[[Page], tuple[bytes, bytes]]] = lru_cache(_MOST_PAGES)(self._split)

    def render(self, page: Page) -> bytes:
        """page.request_id: of [0-9A-Za-z-], as ForwardedRequest has it."""
        if any(len(link.href) > _LINK_CHARS for link in page.links):
            return self._html.text("refusal.html", page=page).encode()
        before, after = self._around(replace(page, request_id=_REFERENCE))
        return before + page.request_id.encode("ascii") + after

    def _split(self, page: Page) -> tuple[bytes, bytes]:
        opened, closed = _AROUND_REFERENCE
        before, _, after = self._html.text("refusal.html", page=page).partition(opened + _REFERENCE + closed)
        return (before + opened).encode(), (closed + after).encode()
