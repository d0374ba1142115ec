"""Loads the functions, under names that end in the hash of their source (threats.md R10)."""

import hashlib
from dataclasses import dataclass
from importlib import resources
from typing import Final

FUNCTIONS: Final = ("decide", "prove", "witness", "spend", "refund", "fill", "finish", "stale", "deny", "offer")
_PLACEHOLDER: Final = "HASH"
_DIGEST_CHARS: Final = 12


@dataclass(frozen=True, slots=True)
class Library:
    """Two versions of a fleet each call their own; an old one is left behind, which costs a few kilobytes."""

    digest: str
    source: str

    @classmethod
    def of(cls, text: str) -> "Library":
        digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARS]
        return cls(digest, f"#!lua name=bastion_{digest}\n{text.replace(_PLACEHOLDER, digest)}")

    def name(self, function: str) -> str:
        """function: one of FUNCTIONS."""
        return f"bastion_{function}_{self.digest}"

    @property
    def load_command(self) -> tuple[str, ...]:
        """REPLACE, because two workers may load at once; the content is the same by name."""
        return ("FUNCTION", "LOAD", "REPLACE", self.source)


def library() -> Library:
    """The one of this version."""
    return Library.of(resources.files("gateway.stores.redis.functions").joinpath("bastion.lua").read_text("utf-8"))
