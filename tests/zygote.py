"""Runs `bastion` in forks of a process that has imported it: the imports take longer than most commands.

A fork has a directory, an environment, files for its input and output, and a pipe that says who it is, and with which
status it ended.
"""

import asyncio
import atexit
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import gateway
from gateway.__main__ import main

_MOST_BYTES: Final = 1 << 20
_WITHIN_S: Final = 60
_FILES: Final = 4  # standard input, output, error, and the status
Result = tuple[int, bytes, bytes]


async def bastion_of(
    arguments: Sequence[str], stdin: str, directory: Path, environment: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """As bastion(), while this process goes on."""
    ran = asyncio.to_thread(lambda: bastion(*arguments, stdin=stdin, cwd=directory, env=environment))
    return await asyncio.wait_for(ran, _WITHIN_S)


def bastion(
    *arguments: str | Path, stdin: str = "", cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """A command, as an operator runs it."""
    said = [str(one) for one in arguments]
    status, out, err = _zygote().run(said, stdin.encode(), cwd or Path.cwd(), os.environ if env is None else env)
    return subprocess.CompletedProcess(["bastion", *said], status, out.decode(), err.decode())


def begun(*arguments: str, cwd: Path) -> "Victim":
    """A command that a test will kill. Nobody hears what it says."""
    return _zygote().start(list(arguments), cwd, os.environ)


class Victim:
    """A fork that runs a command. pipe: from it."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._pid = int(_line(pipe))

    def is_over(self) -> bool:
        return bool(select.select([self._pipe], [], [], 0)[0])

    def kill(self) -> bool:
        """False: it had ended before."""
        in_time = not self.is_over()
        if in_time:
            os.kill(self._pid, signal.SIGKILL)
        with os.fdopen(self._pipe, "rb") as pipe:
            return not pipe.read() and in_time


class Zygote:
    """The side of the tests."""

    def __init__(self) -> None:
        self._here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with there:
            argv = [sys.executable, "-m", __name__, str(there.fileno())]
            self._process = subprocess.Popen(argv, pass_fds=[there.fileno()])

    def close(self) -> None:
        """It ends with the socket."""
        self._here.close()
        self._process.wait(_WITHIN_S)

    def run(self, arguments: Sequence[str], stdin: bytes, directory: Path, environment: Mapping[str, str]) -> Result:
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(stdin)
            given.seek(0)
            told = self._send(arguments, directory, environment, [given.fileno(), out.fileno(), err.fileno()])
            with os.fdopen(told, "rb") as pipe:
                _pid, _, status = pipe.read().partition(b"\n")
            assert status, "the fork was killed before it had a status"
            out.seek(0)
            err.seek(0)
            return int(status), out.read(), err.read()

    def start(self, arguments: Sequence[str], directory: Path, environment: Mapping[str, str]) -> Victim:
        with Path(os.devnull).open("r+b") as nothing:
            return Victim(self._send(arguments, directory, environment, [nothing.fileno()] * 3))

    def _send(
        self, arguments: Sequence[str], directory: Path, environment: Mapping[str, str], files: Sequence[int]
    ) -> int:
        """The end of the pipe that tells of the fork."""
        order = json.dumps([list(arguments), str(directory), dict(environment)]).encode()
        told, tells = os.pipe()
        try:
            socket.send_fds(self._here, [order], [*files, tells])
        finally:
            os.close(tells)
        return told


@cache
def _zygote() -> Zygote:
    """One for each process of the tests."""
    zygote = Zygote()
    atexit.register(zygote.close)
    return zygote


def _line(pipe: int) -> bytes:
    """Nothing behind it is read."""
    line = b""
    while not line.endswith(b"\n"):
        more = os.read(pipe, 1)
        assert more, "there was no fork"
        line += more
    return line


def _serve(listening: socket.socket) -> None:
    _import_all()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        order, files, _flags, _address = socket.recv_fds(listening, _MOST_BYTES, _FILES)
        if not order:
            return
        if os.fork() == 0:
            listening.close()
            arguments, directory, environment = json.loads(order)
            _become(arguments, directory, environment, files)
        for one in files:
            os.close(one)


def _import_all() -> None:
    for module in pkgutil.walk_packages(gateway.__path__, "gateway."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def _become(arguments: list[str], directory: str, environment: dict[str, str], files: list[int]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    for number, file in enumerate(files[:3]):
        os.dup2(file, number)
    os.write(files[3], f"{os.getpid()}\n".encode())
    sys.argv = ["bastion", *arguments]
    status = 1
    try:
        main()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 -- as an interpreter does at its end
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(files[3], str(status).encode())
        os._exit(status)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as given:
        _serve(given)
