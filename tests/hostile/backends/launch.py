"""How each app is made and started, and what a machine needs for it."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
_MADE_WITHIN_S: Final = 240


@dataclass(frozen=True, slots=True)
class App:
    """tools: on PATH, or the app is missing. make: run in the app's directory, before argv.

    In both `<directory>` stands for a directory of this session's, `<socket>` and `<told>` for where the app listens
    and writes.
    """

    argv: tuple[str, ...]
    tools: tuple[str, ...] = ()
    make: tuple[str, ...] = ()


APPS: Final = {
    "aiohttp": App((sys.executable, str(_HERE / "aiohttp_app.py"), "<socket>", "<told>")),
    "cgi": App((sys.executable, str(_HERE / "cgi_app.py"), "<socket>", "<told>")),
    "express": App(
        ("node", "<directory>/express/app.js", "<socket>", "<told>"),
        ("node", "npm"),
        ("npm", "ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"),
    ),
    "flask": App(
        (sys.executable, "-m", "gunicorn", "--no-control-socket", "-k", "gthread", "--threads", "8",
         "--keep-alive", "60", "-b", "unix:<socket>", "tests.hostile.backends.flask_app:app"),
    ),
    "servemux": App(
        ("<directory>/servemux/app", "<socket>", "<told>"),
        ("go",),
        ("go", "build", "-trimpath", "-o", "app", "."),
    ),
}  # fmt: skip


class Making:
    """Makes an app while others start. Raises NotHere."""

    def __init__(self, name: str, directory: Path) -> None:
        self._argv = APPS[name].make
        self._log = directory / f"{name}.made"
        for tool in APPS[name].tools:
            if shutil.which(tool) is None:
                raise NotHere(tool)
        if self._argv:
            shutil.copytree(_HERE / name, directory / name)
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(self._argv, cwd=directory / name, stdout=log, stderr=log)

    def wait(self) -> None:
        if self._argv:
            assert self._process.wait(_MADE_WITHIN_S) == 0, self._log.read_text()


class NotHere(Exception):
    """tool: what this machine lacks."""

    def __init__(self, tool: str) -> None:
        super().__init__(tool)
        self.tool = tool


def argv_of(name: str, directory: Path, socket: Path, told: Path) -> list[str]:
    found = []
    for word in APPS[name].argv:
        filled = word.replace("<directory>", str(directory)).replace("<socket>", str(socket))
        found.append(filled.replace("<told>", str(told)))
    found[0] = shutil.which(found[0]) or found[0]
    return found
