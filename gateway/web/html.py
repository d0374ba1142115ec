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
_MOST_PAGES: Final = 512
_LINK_CHARS: Final = 256
_REFERENCE: Final = "REFERENCE"
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """name: as in the folder. path: what pages link, without the origin."""

    name: str
    path: str
    content_type: str
    content: bytes


def static_files() -> dict[str, StaticFile]:
    """All files of web/static by name, read once at start."""
    return {file.name: _static_file(file) for file in sorted(_STATIC.iterdir()) if file.suffix in _TYPES}


def _static_file(file: Path) -> StaticFile:
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:_DIGEST_CHARS]
    path = f"/static/{file.stem}.{digest}{file.suffix}"
    return StaticFile(file.name, path, _TYPES[file.suffix], content)


class Html:
    """Templates with `_()` for what is to be translated and `static()` for links. origin: "" on the auth host."""

    def __init__(self, files: Mapping[str, StaticFile], origin: str = "") -> None:
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

    def text(self, template: str, **values: object) -> str:
        """Raises jinja2.UndefinedError for a name that the template uses and nobody gave."""
        return self._environment.get_template(template).render(**values)

    def page(self, template: str, status: int = 200, **values: object) -> web.Response:
        """A whole answer; the middleware adds what every answer carries."""
        text = self.text(template, **values)
        return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")


class RefusalPages:
    """Our pages on protected hosts. What differs from one to the next is mostly the reference, which stands last: the
    rest is rendered once, so that whoever is refused a thousand times a second costs less than a page each. Not what
    has long links: they differ each time, some hold a hand-off code, and thousands of bytes each would fill the memory.
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
        before, _, after = self._html.text("refusal.html", page=page).rpartition(_REFERENCE)
        return before.encode(), after.encode()
