"""Judges what became of a probe, by the answer and by how often Bastion was asked meanwhile."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from gateway.core.caddy.probes import Expect, Probe

_DECISIONS: Final = "bastion_decisions_total"
_BAD_REQUEST: Final = 400
_SUCCESS: Final = range(200, 300)


class ProbeStatus(Enum):
    """FAILED ends in exit status 1."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class ProbeVerdict:
    """noisy: only the counter grew more than it should; others may have asked."""

    outcome: ProbeStatus
    why: str = ""
    noisy: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What came back. status 0: no answer; why says so. asked: by how much the counter grew."""

    status: int
    asked: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    why: str = ""

    @property
    def success(self) -> bool:
        return self.status in _SUCCESS

    def shows(self, secret: str) -> bool:
        return secret.encode() in self.body or any(secret in value for _name, value in self.headers)


_OK: Final = ProbeVerdict(ProbeStatus.OK)


def judge(probe: Probe, seen: Seen) -> ProbeVerdict:
    """Total: an answer that nobody thought of fails, unless it was no success and none was wanted."""
    if probe.secret and seen.shows(probe.secret):
        return _failed("the forged header came back")
    match probe.expect:
        case Expect.NO_SITE:
            return _no_site(seen)
        case Expect.NO_SUCCESS:
            return _failed(_let_in(seen)) if seen.success else _OK
        case Expect.REFUSED:
            return _refused(seen)
        case Expect.DECIDED | Expect.OPEN | Expect.OURS:
            return _decided(probe, seen)


def decisions_in(metrics: str) -> int:
    """Of the text of /metrics: how often Bastion was asked, by whatever worker, with whatever outcome."""
    values = (line.rpartition(" ")[2] for line in metrics.splitlines() if line.startswith(f"{_DECISIONS}{{"))
    return int(sum(map(float, values)))


def _no_site(seen: Seen) -> ProbeVerdict:
    if not seen.success:
        return _OK
    if seen.body:
        return _failed(f"answered {seen.status} with a body; add a site `:443` with the line `respond 421`")
    return ProbeVerdict(ProbeStatus.WARNING, f"an empty {seen.status}; add a site `:443` with the line `respond 421`")


def _refused(seen: Seen) -> ProbeVerdict:
    if seen.status != _BAD_REQUEST:
        return _failed(f"expected 400, got {_told(seen)}: the snippet is an old one, or not around this site")
    if not seen.asked:
        why = "Caddy refused it by itself: the snippet is of an earlier version; print it again"
        return ProbeVerdict(ProbeStatus.WARNING, f"{why} with `bastion caddy snippet`")
    return _OK


def _decided(probe: Probe, seen: Seen) -> ProbeVerdict:
    if not seen.status:
        return _failed(f"no answer: {seen.why}")
    if not seen.asked:
        return _failed(f"answered {seen.status}, and Bastion was not asked")
    if probe.expect is not Expect.OPEN and seen.success:
        return _failed(_let_in(seen))
    if probe.statuses and seen.status not in probe.statuses:
        expected = " or ".join(map(str, sorted(probe.statuses)))
        return _failed(f"policy says {expected}, got {seen.status}")
    if seen.asked > 1:
        return _noisy(f"Bastion was asked {seen.asked} times for one request")
    return _OK


def _let_in(seen: Seen) -> str:
    return f"{_told(seen)} for an anonymous client" + ("" if seen.asked else ", and Bastion was not asked")


def _told(seen: Seen) -> str:
    return str(seen.status) if seen.status else f"no answer ({seen.why})"


def _failed(why: str) -> ProbeVerdict:
    return ProbeVerdict(ProbeStatus.FAILED, why)


def _noisy(why: str) -> ProbeVerdict:
    return ProbeVerdict(ProbeStatus.FAILED, why, noisy=True)
