"""Owns the section `server`."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Annotated, Final, Literal

from pydantic import Field, StrictInt, StrictStr

from gateway.config.setting import Finding, Grade, Section, setting
from gateway.config.values import Listen, Network

_HARM: Final = {
    "web_listen": "a client that reaches it past the proxy may claim any address as its own in X-Forwarded-For",
    "ops_listen": "every client that reaches it reads /metrics and /readyz",
}


class Server(Section):
    """Where the workers listen, and how many there are."""

    web_listen: Listen = setting(
        "unix:/run/bastion/web.sock",
        "The pages of the auth host; only the proxy talks to it.",
        "unix:/path or host:port",
    )
    decision_listen: Listen = setting(
        "unix:/run/bastion/decision.sock",
        "Where the proxy asks about each request. A unix socket is guarded by its directory's permissions.",
        "unix:/path or host:port",
    )
    ops_listen: Listen = setting(
        "127.0.0.1:9090", "/healthz, /readyz and /metrics; never give it to the proxy.", "unix:/path or host:port"
    )
    workers: Annotated[StrictInt, Field(ge=1, le=256)] = setting(
        2, "Worker processes; one for each CPU core.", "a whole number from 1 to 256", kind="scalar"
    )
    scheduling: Literal["batch", "normal"] = setting(
        "batch",
        "batch: a worker takes a core when it is free, so it has more to decide at a time. normal: as soon as "
        "something comes, for a machine whose cores other programs keep busy all the time.",
        "batch or normal",
    )
    decision_peers: tuple[Network, ...] = setting(
        (),
        "Who may connect to decision_listen where that is TCP; empty means this machine.",
        "a list of addresses or CIDRs",
        kind="list",
        example="[10.0.0.7, 10.1.0.0/24]",
    )
    verify_path: Annotated[StrictStr, Field(pattern=r"^(/[a-z0-9_-]+)*$")] = setting(
        "",
        "Answers decisions on web_listen too, for set-ups that want a single port; empty means not.",
        "a path such as /verify, or nothing",
        example="/verify",
    )

    def findings(self) -> Iterator[Finding]:
        taken: dict[str, str] = {}
        for name in ("web_listen", "decision_listen", "ops_listen"):
            key, address = f"server.{name}", getattr(self, name)
            if address in taken:
                yield Finding(key, f"is {taken[address]} too; expected an address of its own", Grade.WRONG)
            taken.setdefault(address, key)
        if not _local(self.decision_listen) and not self.decision_peers:
            message = f"is empty, but {self.decision_listen} faces a network; expected the proxy's addresses"
            yield Finding("server.decision_peers", message)
        for name, harm in _HARM.items():
            address = getattr(self, name)
            if not _local(address):
                message = f"is {address}, which faces a network: {harm}; expected unix:/path or 127.0.0.1:port"
                yield Finding(f"server.{name}", message, Grade.DOUBTFUL)


def _local(address: str) -> bool:
    if address.startswith("unix:"):
        return True
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
