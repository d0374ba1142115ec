"""Owns which other origins a browser lets read an answer."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class CorsProfile:
    """origins: as browsers write them, or any_origin, which never goes with credentials. headers: lower case."""

    name: str
    origins: frozenset[str]
    any_origin: bool
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    expose: tuple[str, ...]
    credentials: bool
    max_age_s: int

    def __post_init__(self) -> None:
        assert not (self.any_origin and self.credentials)

    def lets(self, origin: str) -> bool:
        return self.any_origin or origin in self.origins


Cors = Literal["none", "app"] | CorsProfile
