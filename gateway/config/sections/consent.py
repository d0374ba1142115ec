"""Owns the section `consent`."""

from collections.abc import Iterator
from typing import Literal

from gateway.config.setting import Finding, Grade, Section, setting


class Consent(Section):
    """What `bastion consent publish` asks of people."""

    enforce: Literal["require", "remind"] = setting(
        "require",
        "With remind a required document can be put off like others. It is for an emergency.",
        "require or remind",
    )

    def findings(self) -> Iterator[Finding]:
        if self.enforce == "remind":
            message = "is remind: apps open to people who have not accepted required terms; expected require"
            yield Finding("consent.enforce", message, Grade.DOUBTFUL)
