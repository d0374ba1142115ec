"""Owns the processes that must not outlive us, and whom they run as."""

import contextlib
import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_STOP_WITHIN_S: Final = 20.0
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_WATCHDOG: Final = """
import os, signal, sys, time
def alive(pid):
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
watched = set()
for line in sys.stdin:
    (watched.add if line[0] == "+" else watched.discard)(int(line[1:]))
for number in (signal.SIGINT, signal.SIGKILL):
    for pid in filter(alive, watched):
        os.kill(pid, number)
    deadline = time.monotonic() + 1.5
    while any(map(alive, watched)) and time.monotonic() < deadline:
        time.sleep(0.05)
"""


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a server runs as: ourselves, or as root the account `nobody`, because Postgres refuses root."""

    uid: int
    gid: int

    @classmethod
    def for_servers(cls) -> "Account":
        if os.getuid() != 0:
            return cls(os.getuid(), os.getgid())
        nobody = pwd.getpwnam("nobody")
        return cls(nobody.pw_uid, nobody.pw_gid)


class Children:
    """The processes that must not outlive us. Start and close it, and all servers, in the main thread."""

    def __init__(self) -> None:
        argv = [sys.executable, "-I", "-S", "-c", _WATCHDOG]
        self._watchdog = subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True, cwd="/")

    @property
    def watchdog_pid(self) -> int:
        return self._watchdog.pid

    def spawn(
        self, argv: Sequence[str | Path], *, log: Path, account: Account | None = None, env: Mapping[str, str]
    ) -> "subprocess.Popen[bytes]":
        """account: None means ourselves. Ctrl-C reaches the parent only, which stops its servers in order."""
        switch = account if account is not None and os.getuid() == 0 else None
        with log.open("ab") as output:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env=dict(env),
                user=switch.uid if switch else None,
                group=switch.gid if switch else None,
                extra_groups=[] if switch else None,
                start_new_session=True,
                preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 -- we have no threads yet when servers start
            )
        self._tell(f"+{process.pid}\n")
        return process

    def end(self, process: "subprocess.Popen[bytes]", number: signal.Signals | None) -> None:
        """Signal (None: it ends by itself), wait, and after twenty seconds kill."""
        if process.poll() is None:
            if number is not None:
                process.send_signal(number)
            try:
                process.wait(_STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._tell(f"-{process.pid}\n")

    def close(self) -> None:
        """What still runs is ended by the watchdog."""
        assert self._watchdog.stdin is not None
        self._watchdog.stdin.close()
        self._watchdog.wait()

    def _tell(self, line: str) -> None:
        assert self._watchdog.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._watchdog.stdin.write(line.encode())
            self._watchdog.stdin.flush()


def end_with_parent(number: signal.Signals) -> None:
    """From now on the kernel sends us number when the thread that started us ends; nothing where it is not Linux."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(number))


def _die_with(parent: int) -> Callable[[], None]:
    """Runs in the child, after it changed its account: a change of credentials would clear the death signal."""

    def arrange() -> None:
        end_with_parent(signal.SIGINT)
        if os.getppid() != parent:
            os._exit(1)

    return arrange
