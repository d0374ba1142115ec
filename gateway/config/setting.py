"""Owns what every section of the configuration is made of: its keys, and what is found about their values."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from gateway.config.values import Kind

NO_KEY: Final = "extra_forbidden"  # pydantic's word for a key that the model does not have


class Grade(Enum):
    WRONG = "wrong"  # two settings contradict each other: every profile refuses them
    UNSAFE = "unsafe"  # production refuses it, dev warns
    DOUBTFUL = "doubtful"  # it can be meant: every profile warns


@dataclass(frozen=True, slots=True)
class Finding:
    """key: dotted name."""

    key: str
    message: str
    grade: Grade = Grade.UNSAFE


class Section(BaseModel):
    """A value that is secret is left out of repr, so that none reaches a log by way of its section."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def findings(self) -> Iterator[Finding]:
        """What is unsafe or wrong about well-formed values, in the order of the keys."""
        return iter(())


def setting(
    default: Any, text: str, expected: str, *, kind: Kind = "text", secret: bool = False, example: str = ""
) -> Any:
    """expected: ends the sentence "expected ..." in messages. example: what the example file shows instead."""
    extra: JsonDict = {"expected": expected, "kind": kind, "secret": secret, "example": example}
    return Field(default=default, description=text, json_schema_extra=extra, repr=not secret, validate_default=True)
