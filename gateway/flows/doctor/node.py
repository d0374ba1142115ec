"""Looks at this machine: who listens where, and whether Caddy can reach it."""

import grp
import os
import pwd
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.claims import trouble_at
from gateway.flows.doctor.diagnosis import Diagnosis, failed, ok, warning
from gateway.outbound.probe import NoAnswer, probe
from gateway.stores.files.access import trouble_with

_OK: Final = 200
_UNIX: Final = "unix:"
_PROC: Final = Path("/proc")
_ENTER, _USE = 0o1, 0o6
_ROOT: Final = 0
_DAC_OVERRIDE: Final = 1 << 1  # capabilities(7)


@dataclass(frozen=True, slots=True)
class Proxy:
    """The account of Caddy, with its groups as they count: those of the running process where it runs.

    privileged: modes of files don't count for it; root in a container may have lost that.
    """

    name: str
    uid: int
    groups: frozenset[int]
    runs: bool
    privileged: bool

    def may(self, path: Path, bits: int) -> bool:
        """bits: as for others in a file's mode."""
        status = path.stat()
        if self.privileged:
            return True
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid in self.groups else 0
        return (status.st_mode >> shift) & bits == bits


def examine_listeners(listeners: dict[str, str], ops: str) -> Iterator[Diagnosis]:
    """listeners: by key. ops: the one of them that says how a server is."""
    serves = _answers(ops)
    for key, address in listeners.items():
        trouble = trouble_at(address)
        if not trouble:
            yield _free(key, address)
        elif serves:
            yield ok(key, trouble.partition(";")[0])
        else:
            yield failed(key, *_halves(trouble))
    if serves:
        yield _ready(ops)


def examine_proxy_access(listeners: Sequence[str], proxy: Proxy | None) -> Iterator[Diagnosis]:
    """Whether Caddy may connect to those that are unix sockets."""
    paths = [Path(address.removeprefix(_UNIX)) for address in listeners if address.startswith(_UNIX)]
    if not paths:
        return
    if proxy is None:
        yield warning("caddy", "neither runs here nor has an account `caddy`", "name its account: --caddy-account NAME")
        return
    for path in paths:
        yield _access(path, proxy)


def find_proxy(name: str = "") -> Proxy | None:
    """name: of the account, "" for that of a process `caddy`, or else the account `caddy`."""
    if not name:
        with suppress(OSError):
            for process in filter(lambda entry: entry.name.isdigit(), _PROC.iterdir()):
                if (found := _running(process)) is not None:
                    return found
    try:
        known = pwd.getpwnam(name or "caddy")
    except KeyError:
        return None
    groups = frozenset(os.getgrouplist(known.pw_name, known.pw_gid))
    return Proxy(known.pw_name, known.pw_uid, groups, runs=False, privileged=known.pw_uid == _ROOT)


def _running(process: Path) -> Proxy | None:
    """None: it is another program, or has ended."""
    try:
        if (process / "comm").read_text().strip() != "caddy":
            return None
        lines = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    except OSError:
        return None
    uid, gid = int(lines["Uid"].split()[1]), int(lines["Gid"].split()[1])
    name = str(uid)
    with suppress(KeyError):
        name = pwd.getpwuid(uid).pw_name
    groups = frozenset({gid, *map(int, lines["Groups"].split())})
    return Proxy(name, uid, groups, runs=True, privileged=bool(int(lines["CapEff"], 16) & _DAC_OVERRIDE))


def _access(path: Path, proxy: Proxy) -> Diagnosis:
    check = f"caddy to {path.name}"
    try:
        there, closed = path.exists(), _closed(path, proxy)
        if closed is None:
            return ok(check, f"the account {proxy.name} may use {path}" if there else f"{path} is not there yet")
        group = grp.getgrgid(closed.stat().st_gid).gr_name
    except (OSError, KeyError) as error:
        advice = "run the doctor as root or as the account of the service"
        return warning(check, f"{path} can't be looked at: {error}", advice)
    advice = f"usermod -aG {group} {proxy.name}{' && systemctl restart caddy' if proxy.runs else ''}"
    return failed(check, f"the account {proxy.name} of Caddy may not use {closed}", advice)


def _closed(path: Path, proxy: Proxy) -> Path | None:
    """The first on the way to it that keeps Caddy out. What is not there yet does not."""
    steps = [(parent, _ENTER) for parent in reversed(path.parents)]
    for step, bits in [*steps, (path, _USE)]:
        if step.exists() and not proxy.may(step, bits):
            return step
    return None


def _free(key: str, address: str) -> Diagnosis:
    detail = f"{address} is free; no server listens there"
    if address.startswith(_UNIX):
        trouble = trouble_with(Path(address.removeprefix(_UNIX)).parent, writes=True)
        if trouble:
            return failed(
                key, trouble, "run the doctor as the account of the service, or RuntimeDirectory=bastion in its unit"
            )
    return ok(key, detail)


def _answers(ops: str) -> bool:
    try:
        status, body = probe(ops, "/healthz")
    except NoAnswer:
        return False
    return status == _OK and "status" in body


def _ready(ops: str) -> Diagnosis:
    try:
        status, body = probe(ops, "/readyz")
    except NoAnswer as error:
        return failed("server", str(error))
    return ok("server", "is ready") if status == _OK else failed("server", f"is not ready: {body}")


def _halves(trouble: str) -> tuple[str, str]:
    detail, _, advice = trouble.partition("; ")
    return detail, advice
