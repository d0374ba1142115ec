"""What the doctor says: one line for each thing that was looked at."""

from dataclasses import dataclass
from enum import Enum


class Health(Enum):
    """FAILED: Bastion does not serve, or not as promised. WARNING: it does, and may not for long."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """advice: the way out; "" where nothing is wrong, or where the detail says it."""

    check: str
    health: Health
    detail: str
    advice: str = ""

    def __str__(self) -> str:
        told = f"{self.detail}; {self.advice}" if self.advice else self.detail
        return f"{self.health.value:7}  {self.check:24}  {told}"


def ok(check: str, detail: str) -> Diagnosis:
    return Diagnosis(check, Health.OK, detail)


def warning(check: str, detail: str, advice: str = "") -> Diagnosis:
    return Diagnosis(check, Health.WARNING, detail, advice)


def failed(check: str, detail: str, advice: str = "") -> Diagnosis:
    return Diagnosis(check, Health.FAILED, detail, advice)
