"""Owns how parameters of a request are read: each once, and an empty one as if it were left out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.core.oauth.errors import OAuthError

_LINE_ENDS: Final = str.maketrans("", "", "\t\r\n")


@dataclass(frozen=True, slots=True, repr=False)
class Parameters:
    """values: those that are not empty (RFC 6749 section 3.1). doubled: names that came more than once.

    repr is left out: a secret may be among them.
    """

    values: Mapping[str, str]
    doubled: frozenset[str]

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> "Parameters":
        seen: set[str] = set()
        doubled: set[str] = set()
        values: dict[str, str] = {}
        for name, value in pairs:
            (doubled if name in seen else seen).add(name)
            if value:
                values[name] = value
        return cls(values, frozenset(doubled))

    def get(self, name: str) -> str:
        """ "" where it is left out. Raises OAuthError where it came twice, or holds what can't be printed."""
        if name in self.doubled:
            raise OAuthError("invalid_request", f"{name} came more than once")
        value = self.values.get(name, "")
        if not value.translate(_LINE_ENDS).isprintable():
            raise OAuthError("invalid_request", f"{name} has characters that cannot be printed")
        return value

    def required(self, name: str) -> str:
        """Raises OAuthError as get does, and where it is left out."""
        value = self.get(name)
        if not value:
            raise OAuthError("invalid_request", f"{name} is missing")
        return value
