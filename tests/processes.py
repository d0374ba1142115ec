"""Servers that a test starts as processes."""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from gateway.embedded import end_with_parent


def serve(
    argv: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """It ends with us, however we end: the kernel tells it to. log: is added to."""
    with log.open("ab") as output:
        return subprocess.Popen(
            argv,
            stdout=output,
            stderr=output,
            env=None if environment is None else dict(environment),
            preexec_fn=partial(end_with_parent, signal.SIGTERM),  # noqa: PLW1509 -- one system call, no lock
        )
