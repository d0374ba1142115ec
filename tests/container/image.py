"""Does what the Dockerfile says in a directory, as far as that goes without Docker."""

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from tests.container.dockerfile import ROOT, Stage, parse
from tests.exhaustive import EXHAUSTIVE

# An account that owns nothing, with the right to read what is ours: the interpreter may lie in somebody's home.
_NOBODY = "65534"
_ONLY_READ = "-all,+dac_read_search"
_AS_NOBODY = (
    *("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", "--no-new-privs"),
    *(f"--inh-caps={_ONLY_READ}", f"--ambient-caps={_ONLY_READ}", f"--bounding-set={_ONLY_READ}"),
)
# Without a C compiler and Python's headers the image of the test is plain Python. So it is in the suite, because
# compiling takes longer than all else here, and `dev.py test --compiled` does it too.
COMPILES = EXHAUSTIVE and bool(shutil.which("cc")) and (Path(sysconfig.get_path("include")) / "Python.h").is_file()


@dataclass(frozen=True)
class Image:
    """root: what would be / in the container; only the volumes can be written in."""

    root: Path
    final: Stage

    def path(self, inside: str) -> str:
        return f"{self.root}{inside}"

    @property
    def environment(self) -> dict[str, str]:
        """Of the image and of nobody else, with the paths of root."""
        found = {key: value.replace("/", f"{self.root}/", 1) for key, value in self.final.environment.items()}
        path = found["PATH"].replace("$PATH", os.defpath)
        return {**{key: value for key, value in found.items() if "/" in value}, "PATH": path} | {
            key: value for key, value in self.final.environment.items() if "/" not in value
        }

    def command(self, *words: str) -> list[str]:
        """In the account of the image. Where we are not root, we are such an account ourselves."""
        program = shutil.which(words[0], path=self.environment["PATH"])
        assert program is not None, words[0]
        return [*(_AS_NOBODY if os.getuid() == 0 else ()), program, *words[1:]]

    def run(self, *words: str, **more: str) -> "subprocess.CompletedProcess[str]":
        argv, environment = self.command(*words), {**self.environment, **more}
        return subprocess.run(
            argv, cwd=self.root, env=environment, capture_output=True, text=True, check=False, timeout=60
        )


def build(root: Path) -> Image:
    """The commands of the first stage word by word, but for the root; the account of the second is not made."""
    first, final = parse((ROOT / "Dockerfile").read_text())
    work = root / first.one("WORKDIR").words[0].lstrip("/")
    work.mkdir(parents=True)
    environment = {**first.environment, "BASTION_COMPILE": "quick"} if COMPILES else {}
    for step in first.steps:
        if step.instruction == "COPY":
            _copy(step.words[:-1], work / step.words[-1])
        for command in step.words if step.instruction == "RUN" else ():
            if not command.startswith("apt-get "):  # this machine has it already, or COMPILES says no
                _run(command.replace("/opt/", f"{root}/opt/"), work, environment)
    shutil.rmtree(work)
    for volume in final.one("VOLUME").words:
        _make_own(root / volume.lstrip("/"))
    policies = root / final.environment["BASTION_POLICY_DIRECTORY"].lstrip("/")
    shutil.copytree(ROOT / "policies", policies)
    root.chmod(0o555)
    return Image(root, final)


def _copy(sources: tuple[str, ...], target: Path) -> None:
    for source in sources:
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, target)


def _run(command: str, work: Path, environment: dict[str, str]) -> None:
    words = command.split()
    argv = [sys.executable if words[0] == "python" else words[0], *words[1:]]
    more = {**os.environ, **environment}
    done = subprocess.run(argv, cwd=work, env=more, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def _make_own(directory: Path) -> None:
    directory.mkdir(parents=True)
    if os.getuid() == 0:
        os.chown(directory, int(_NOBODY), int(_NOBODY))
