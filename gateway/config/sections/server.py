"""Owns the section `server`."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Annotated, Final, Literal

from pydantic import Field, StrictInt, StrictStr

from gateway.config.setting import Finding, Grade, Section, setting
from gateway.config.values import Listen, Network

HARM_OF_PAGES: Final = "a client that reaches it past the proxy may claim any address as its own in X-Forwarded-For"
_HARM: Final = {
    "web_listen": HARM_OF_PAGES,
    "ops_listen": "every client that reaches it reads /metrics and /readyz",
}


class Server(Section):
    """Where the workers listen, and how many there are."""

    web_listen: Listen = setting(
        "unix:/run/bastion/web.sock",
        "The pages of the auth host. Only the proxy may reach it.",
        "unix:/path or host:port",
    )
    decision_listen: Listen = setting(
        "unix:/run/bastion/decision.sock",
        "Where the proxy asks for decisions. The permissions of its directory protect a unix socket.",
        "unix:/path or host:port",
    )
    ops_listen: Listen = setting(
        "127.0.0.1:9090", "/healthz, /readyz and /metrics. Never let the proxy reach it.", "unix:/path or host:port"
    )
    workers: Annotated[StrictInt, Field(ge=1, le=256)] = setting(
        2, "Worker processes. Set one for each CPU core.", "a whole number from 1 to 256", kind="scalar"
    )
    scheduling: Literal["batch", "normal"] = setting(
        "batch",
        "batch: a worker waits for a free core, then handles more requests at a time. normal: it does not wait. "
        "Choose normal if other programs keep the cores busy all the time.",
        "batch or normal",
    )
    decision_peers: tuple[Network, ...] = setting(
        (),
        "The addresses that may connect to decision_listen if that is TCP. Empty means this machine.",
        "a list of addresses or CIDRs",
        kind="list",
        example="[10.0.0.7, 10.1.0.0/24]",
    )
    verify_path: Annotated[StrictStr, Field(pattern=r"^(/[a-z0-9_-]+)*$")] = setting(
        "",
        "Answers decisions on web_listen too, at this path, if you want a single port. Empty means no.",
        "a path such as /verify, or nothing",
        example="/verify",
    )

    def findings(self) -> Iterator[Finding]:
        if not is_local(self.decision_listen) and not self.decision_peers:
            message = f"is empty, but {self.decision_listen} faces a network; expected the proxy's addresses"
            yield Finding("server.decision_peers", message)
        for name, harm in _HARM.items():
            address = getattr(self, name)
            if not is_local(address):
                yield faces_a_network(f"server.{name}", address, harm)


def faces_a_network(key: str, address: str, harm: str) -> Finding:
    message = f"is {address}, which faces a network: {harm}; expected unix:/path or 127.0.0.1:port"
    return Finding(key, message, Grade.DOUBTFUL)


def is_local(address: str) -> bool:
    if address.startswith("unix:"):
        return True
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
