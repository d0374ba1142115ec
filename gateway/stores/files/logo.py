"""Reads the logo that the configuration names."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.core.errors import GatewayError
from gateway.stores.reasons import account

MOST_BYTES: Final = 64 * 1024
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_SVG: Final = re.compile(rb"(\xef\xbb\xbf)?\s*((<\?[^>]*>|<!--.*?-->|<!DOCTYPE[^>\[]*>)\s*)*<svg[\s/>]", re.DOTALL)
_SVG_NAMESPACE: Final = b"http://www.w3.org/2000/svg"  # without it, browsers show no picture


@dataclass(frozen=True, slots=True)
class Logo:
    """suffix: what a file with this content is called by."""

    content: bytes
    suffix: str


class LogoUnusable(GatewayError):
    """The message says why, with the path."""


def read_logo(path: Path) -> Logo:
    """Raises LogoUnusable."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise LogoUnusable(f"{path} can't be read by the account {account()}: {error.strerror}") from error
    if len(content) > MOST_BYTES:
        raise LogoUnusable(f"{path} has more than {MOST_BYTES} bytes")
    if content.startswith(_PNG):
        return Logo(content, ".png")
    if _SVG.match(content):
        if _SVG_NAMESPACE not in content:
            raise LogoUnusable(f'{path} is an SVG without xmlns="{_SVG_NAMESPACE.decode()}"')
        return Logo(content, ".svg")
    raise LogoUnusable(f"{path} is neither SVG nor PNG")


def trouble_with_logo(path: Path) -> str:
    """Why it can't be used; "" where it can."""
    try:
        read_logo(path)
    except LogoUnusable as error:
        return str(error)
    return ""
