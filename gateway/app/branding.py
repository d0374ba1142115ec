"""Puts together what pages show of the organization that runs them."""

from collections.abc import Mapping
from dataclasses import replace

import structlog

from gateway.config import Config
from gateway.stores.files.logo import LogoUnusable, read_logo
from gateway.web.html import Brand, StaticFile, static_file, static_files

_LOG = structlog.stdlib.get_logger("gateway.app")
_STEM = "own-logo"


def branding(config: Config) -> tuple[Brand, Mapping[str, StaticFile]]:
    """The brand, and all static files with its logo. A logo that is gone or broken keeps nobody out."""
    pages, files = config.pages, static_files()
    brand = Brand(pages.name, help_url=pages.help_url, contact=pages.contact)
    if pages.logo is None:
        return brand, files
    try:
        logo = read_logo(pages.logo)
    except LogoUnusable as error:
        _LOG.warning("the logo is left out", why=str(error))
        return brand, files
    name = _STEM + logo.suffix
    own = static_file(name, logo.content)
    return replace(brand, logo=name), {**files, name: own}
