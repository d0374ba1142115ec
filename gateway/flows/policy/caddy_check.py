"""Tries on a running Caddy what an attacker would, and holds each answer against how often Bastion was asked."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gateway.core.caddy.probes import Expect, Ground, Probe, probes
from gateway.core.caddy.verdicts import ProbeStatus, ProbeVerdict, Seen, decisions_in, judge
from gateway.core.errors import GatewayError
from gateway.outbound.probe import probe as ask_operations
from gateway.outbound.wire import Endpoint, Unanswered, trusting_anybody

_OK: Final = 200
_TOO_MANY: Final = 429
_LONGEST_WAIT_S: Final = 15
_TRIES: Final = 3
_PAUSE_S: Final = 1.0
_DIRECT_S: Final = 3.0


class NoFigures(GatewayError):
    """The operations listener does not tell how often Bastion was asked, so nothing can be compared."""


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one probe. status 0: no answer."""

    group: str
    name: str
    status: int
    asked: int
    verdict: ProbeVerdict


@dataclass(frozen=True, slots=True)
class Operations:
    """All Bastions that this Caddy asks. listeners: as in server.ops_listen."""

    listeners: Sequence[str]

    def asked(self) -> int:
        """Raises NoFigures, and NoAnswer where nobody listens."""
        return sum(map(self._asked, self.listeners))

    def _asked(self, listen: str) -> int:
        status, text = ask_operations(listen, "/metrics")
        if status != _OK or "bastion_decisions_total" not in text:
            raise NoFigures(f"{listen}/metrics has no bastion_decisions_total (status {status}); name it with --ops")
        return decisions_in(text)


@dataclass(slots=True)
class Check:
    """caddy: where the host's requests go. plain: the same host without TLS, None: not looked at.

    busy: others use this Bastion too, so its count may grow by more than was sent; None: not known yet.
    """

    ground: Ground
    caddy: Endpoint
    plain: Endpoint | None
    operations: Operations
    direct: Sequence[tuple[str, int]]
    sleep: Callable[[float], None] = time.sleep
    busy: bool | None = None

    @property
    def probes(self) -> tuple[Probe, ...]:
        return tuple(probes(self.ground))

    def __len__(self) -> int:
        return len(self.probes) + (self.plain is not None) + len(self.direct)

    def rows(self) -> Iterator[Row]:
        """One after the other: the figures are of all requests together. Raises NoFigures, NoAnswer, Unanswered."""
        self.operations.asked()
        self.caddy.reach()
        for probe in self.probes:
            yield self._row(probe)
        if self.plain is not None:
            yield self._in_clear(self.plain)
        for address, port in self.direct:
            yield self._directly(address, port)

    def _row(self, probe: Probe) -> Row:
        if probe.unless_let_in and self._seen(replace(probe, headers=())).success:
            why = "not tried: this machine is let in without it; run it from elsewhere"
            return Row(probe.group, probe.name, _OK, 1, ProbeVerdict(ProbeStatus.WARNING, why))
        seen, verdict = self._judged(probe)
        for _ in range(_TRIES - 1):
            if verdict.noisy and not self.busy:
                seen, verdict = self._judged(probe)
        if verdict.noisy:
            self.busy = self._others_ask() if self.busy is None else self.busy
            if self.busy:
                verdict = ProbeVerdict(ProbeStatus.OK, "others ask too, so the count says only that it was asked")
        return Row(probe.group, probe.name, seen.status, seen.asked, verdict)

    def _judged(self, probe: Probe) -> tuple[Seen, ProbeVerdict]:
        seen = self._seen(probe)
        for _ in range(_TRIES):
            if seen.status != _TOO_MANY or seen.status in probe.statuses:
                break
            self.sleep(_retry_after_s(seen))
            seen = self._seen(probe)
        return seen, judge(probe, seen)

    def _seen(self, probe: Probe) -> Seen:
        before = self.operations.asked()
        try:
            reply = self.caddy.ask(probe.request, method=probe.method)
        except Unanswered as error:
            return Seen(0, self.operations.asked() - before, why=str(error))
        return Seen(reply.status, self.operations.asked() - before, reply.headers, reply.body)

    def _others_ask(self) -> bool:
        before = self.operations.asked()
        self.sleep(_PAUSE_S)
        return self.operations.asked() > before

    def _in_clear(self, plain: Endpoint) -> Row:
        """A redirect to https, or nobody."""
        probe = Probe("clear", f"http://{plain.name}/", Expect.NO_SUCCESS, plain.name, f"/{self.ground.marks.path}")
        try:
            reply = plain.ask(probe.request, timeout_s=_DIRECT_S)
        except Unanswered as error:
            return Row(probe.group, probe.name, 0, 0, ProbeVerdict(ProbeStatus.OK, str(error)))
        leads_to_tls = reply.first("Location").lower().startswith("https://")
        failed = ProbeVerdict(ProbeStatus.FAILED, "answers in clear, not by a redirect")
        verdict = ProbeVerdict(ProbeStatus.OK) if leads_to_tls else failed
        return Row(probe.group, probe.name, reply.status, 0, verdict)

    def _directly(self, address: str, port: int) -> Row:
        """Nobody may answer in HTTP, with TLS or without."""
        host = self.ground.strangers.host
        request = f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
        whys = []
        for trust in (None, trusting_anybody()):
            try:
                reply = Endpoint(address, port, host, trust).ask(request, timeout_s=_DIRECT_S)
            except Unanswered as error:
                whys.append(str(error))
                continue
            why = "the app answers past Caddy: a client that reaches it can pose as anybody; close the port"
            return Row("direct", f"{address}:{port}", reply.status, 0, ProbeVerdict(ProbeStatus.FAILED, why))
        return Row("direct", f"{address}:{port}", 0, 0, ProbeVerdict(ProbeStatus.OK, whys[0]))


def address_of(host: str) -> str:
    """What is dialled for it: not every resolver knows that *.localhost is this machine (RFC 6761 section 6.3)."""
    return "127.0.0.1" if host == "localhost" or host.endswith(".localhost") else host


def _retry_after_s(seen: Seen) -> float:
    found = next((value for name, value in seen.headers if name.lower() == "retry-after"), "1")
    return min(int(found), _LONGEST_WAIT_S) if found.isdigit() else 1
