"""Whether tests go through all that they sample otherwise: `EXHAUSTIVE=1 pytest --timeout 900`."""

import os
from typing import Final

EXHAUSTIVE: Final = bool(os.environ.get("EXHAUSTIVE"))
