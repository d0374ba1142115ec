"""Keeps the settings that this node knew last, for a start while Postgres is away (ui.md U3)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from gateway.stores.files.whole import fresh

_LOG = structlog.stdlib.get_logger("gateway.settings")


@dataclass(frozen=True, slots=True)
class LastSettings:
    """Rows are as the table has them."""

    path: Path

    def read(self) -> tuple[int, Sequence[Mapping[str, object]]] | None:
        """The revision and its rows; None: nothing is known, or the file is broken."""
        try:
            kept = json.loads(self.path.read_text())
            return int(kept["revision"]), [dict(row) for row in kept["rows"]]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            _LOG.warning("the last settings of this node can't be read", path=str(self.path), why=str(error))
            return None

    def write(self, revision: int, rows: Sequence[Mapping[str, object]]) -> None:
        """A full disk loses only what a start without Postgres would need; the log says so."""
        text = json.dumps({"revision": revision, "rows": list(rows)})
        try:
            with fresh(self.path, text.encode(), 0o600) as made:
                made.rename(self.path)
        except OSError as error:
            _LOG.warning("the settings could not be kept on this node", path=str(self.path), why=str(error))
