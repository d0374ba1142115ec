"""A Caddy of its own before the Bastion of the stage."""

from pathlib import Path

from gateway.core.caddy.caddyfile import DemoSite, ProtectedSite, demo_caddyfile
from gateway.core.caddy.probes import Ground, Marks
from gateway.core.caddy.snippet import Snippet, snippet_text
from gateway.core.caddy.strangers import Strangers
from gateway.core.caddy.verdicts import ProbeStatus
from gateway.core.policy.compile import compile_policy
from gateway.core.policy.site import Site
from gateway.embedded import Binaries, Children, EmbeddedCaddy, free_port
from gateway.flows.policy.caddy_check import Check, Operations, Row
from gateway.outbound.wire import Endpoint, trusting
from gateway.stores.files.policies import read_sources
from tests.staging import Stage

HOST = "app.localhost"
AUTH = "auth.localhost"
MARKS = Marks("checkmark", "forgedword")


class Front:
    """A second Caddy before the stage's Bastion and app, with a Caddyfile that a test has spoilt."""

    def __init__(self, stage: Stage, directory: Path, children: Children, binaries: Binaries) -> None:
        self.port = free_port()
        self._stage = stage
        self._sockets = Path(stage.decision_socket).parent
        self._caddy = EmbeddedCaddy(directory, children, binaries)

    @property
    def app(self) -> str:
        return f"unix/{self._sockets / 'app.sock'}"

    def right(self) -> str:
        web, decision = (f"unix/{self._sockets / f'{name}.sock'}" for name in ("web", "decision"))
        sites = (ProtectedSite(HOST, self.app),)
        return demo_caddyfile(DemoSite(AUTH, self.port, web, snippet_text(Snippet(decision, web)), sites))

    @property
    def ca_file(self) -> str:
        return str(self._caddy.ca_file)

    def start(self, caddyfile: str, host: str = HOST) -> None:
        self._caddy.start(caddyfile, hosts=[host], https_port=self.port)

    def stop(self) -> None:
        self._caddy.stop()

    def check(self, *direct: tuple[str, int], paths: tuple[str, ...] = (), host: str = HOST) -> Check:
        policy = compile_policy(read_sources(self._stage.demo.directory / "policies"), Site.of(self._stage.auth))
        return Check(
            Ground(Strangers(policy, host, 1_790_000_000), f"{host}:{self.port}", MARKS, paths),
            Endpoint("127.0.0.1", self.port, host, trusting(str(self._caddy.ca_file))),
            None,
            Operations((f"unix:{self._sockets / 'ops.sock'}",)),
            direct,
        )


def failures(check: Check) -> list[Row]:
    return [row for row in check.rows() if row.verdict.outcome is ProbeStatus.FAILED]


def names(rows: list[Row]) -> set[str]:
    """Without the open route at which something came back: which one that is depends on the policy."""
    return {f"{row.group}: {row.name}".partition(" at /")[0] for row in rows}
