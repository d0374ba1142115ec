"""Whether tests go through all that they sample otherwise: `EXHAUSTIVE=1 pytest --timeout 900`."""

import os
from typing import Final

EXHAUSTIVE: Final = bool(os.environ.get("EXHAUSTIVE"))
EXAMPLES: Final = 100 if EXHAUSTIVE else 25  # of a property test


def examples(exhaustive: int) -> int:
    """Of a property test that wants more than others: a tenth of it, unless EXHAUSTIVE."""
    return exhaustive if EXHAUSTIVE else exhaustive // 10
