"""Owns the section `tokens`."""

from collections.abc import Iterator
from typing import Literal

from gateway.config.setting import Finding, Section, setting


class Tokens(Section):
    """Access tokens."""

    algorithm: Literal["ES256", "Ed25519", "RS256", "HS256"] = setting(
        "ES256",
        "HS256 is for development: an app that can verify a token could also sign one.",
        "ES256, Ed25519, RS256 or HS256",
    )

    def findings(self) -> Iterator[Finding]:
        if self.algorithm == "HS256":
            yield Finding("tokens.algorithm", "HS256 lets every app that verifies tokens sign them; expected ES256")
