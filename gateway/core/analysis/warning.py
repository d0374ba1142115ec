"""Owns a doubt about a policy."""

from dataclasses import dataclass

from gateway.core.policy.places import Place


@dataclass(frozen=True, slots=True, order=True)
class PolicyWarning:
    """It is loaded all the same. code: the kind of doubt. A `note` on the route says that it is meant."""

    place: Place
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: warning: {self.message} [{self.code}]"
