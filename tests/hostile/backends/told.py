"""What a back end was told: one line of JSON for each request that a handler saw, and the answer that goes with it."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

REST: Final = "rest"
# handler -> the path under which it and everything below it lies
TREES: Final = {
    "public": "/public",
    "staff": "/staff",
    "admin": "/admin",
    "keys": "/api/admin",
    "api": "/api",
}


@dataclass(frozen=True, slots=True)
class Answered:
    text: str
    headers: dict[str, str]


class Told:
    """Appends to one file, whole lines at a time."""

    def __init__(self, log: Path) -> None:
        self._file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def answer(
        self,
        handler: str,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]],
        length: int,
        parameters: Mapping[str, object],
    ) -> Answered:
        """headers: as the app has them. parameters: what the app's own router took out of the path."""
        pairs = list(headers)
        person = str(parameters.get("name", ""))
        line = {"handler": handler, "method": method, "target": target, "headers": pairs, "length": length}
        os.write(self._file, json.dumps({**line, "person": person}).encode() + b"\n")
        return Answered(f"answered by {handler}: {target}\n", {"X-Handler": handler})
