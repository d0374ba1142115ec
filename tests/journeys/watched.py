"""A demo in a network whose only way out is watched: python -m tests.journeys.watched DIRECTORY [deliberate].

In namespaces of its own (`unshare -n -m`). It prints one JSON object: what was done, and what came out.
"""

import json
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from gateway.embedded import free_port
from tests.inbox import Inbox, inbox
from tests.staging import Demo, Visitor

_OUTSIDE = "10.99.0.1"
_DNS_PORT = 53
_SET_UP = (
    "ip link set lo up",
    "ip link add inner type veth peer name outer",
    "sysctl -q -w net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1",
    "ip addr add 10.99.0.2/24 dev inner",
    "ip link set inner up",
    "ip link set outer up",
    "ip neigh add 10.99.0.1 lladdr 02:00:00:00:00:01 dev inner nud permanent",
    "ip route add default via 10.99.0.1",
)
_EVERYTHING = 0x0003  # ETH_P_ALL
_IPV4 = 0x0800


@dataclass
class Watch:
    """packets: addresses and ports of IPv4 packets that went out."""

    packets: list[str] = field(default_factory=list)

    @contextmanager
    def watching(self) -> Iterator[None]:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_EVERYTHING)) as wire:
            wire.bind(("outer", 0))
            wire.settimeout(0.5)
            over = threading.Event()
            thread = threading.Thread(target=self._read, args=(wire, over))
            thread.start()
            try:
                yield
            finally:
                over.set()
                thread.join()

    def _read(self, wire: socket.socket, over: threading.Event) -> None:
        """What is on its way when it is over is read yet."""
        while True:
            try:
                frame = wire.recv(65_535)
            except TimeoutError:
                if over.is_set():
                    return
                continue
            kind = struct.unpack("!H", frame[12:14])[0]
            if kind != _IPV4:
                self.packets.append(f"type {kind:#06x}")
                continue
            header = (frame[14] & 15) * 4
            address = socket.inet_ntoa(frame[30:34])
            port = struct.unpack("!H", frame[14 + header + 2 : 14 + header + 4])[0]
            self.packets.append(f"{address}:{port}")


def main(directory: Path) -> None:
    for command in _SET_UP:
        subprocess.run(command.split(), check=True, capture_output=True)
    resolver = directory / "resolv.conf"
    resolver.write_text(f"nameserver {_OUTSIDE}\n")
    subprocess.run(["mount", "--bind", str(resolver), "/etc/resolv.conf"], check=True)
    watch, done = Watch(), dict[str, object]()
    with watch.watching():
        done = _demo(directory)
        threading.Event().wait(1)  # what is on its way is read
        out = list(watch.packets)
        _call()
    print(json.dumps({"done": done, "out": out, "called": watch.packets[len(out) :]}))


def _demo(directory: Path) -> dict[str, object]:
    """A login, another policy, a webhook to this machine, and mail into its directory."""
    with inbox() as box:
        return _walk(directory, box)


def _walk(directory: Path, box: Inbox) -> dict[str, object]:
    demo = Demo(directory / "demo", free_port())
    try:
        summary = demo.start()
        told = _bastion(demo, "webhook", "add", box.url, "--events", "login")
        visitor = Visitor(str(summary["ca_file"]))
        page = visitor.visit(f"{summary['app_url']}/")
        seen = visitor.log_in(page, str(summary["user"]), str(summary["password"]))
        policy = next((demo.directory / "policies").glob("*.yaml"))
        policy.write_text(policy.read_text() + "\n# another\n")
        reloaded = _bastion(demo, "policy", "reload")
        box.wait_until(lambda: bool(box.messages))
    finally:
        demo.end()
    events = [json.loads(body)["type"] for _, body in box.messages]
    return {"login": seen.status, "policy": reloaded.strip(), "endpoint": told.split()[0][:3], "events": events}


def _bastion(demo: Demo, *words: str) -> str:
    command = [sys.executable, "-m", "gateway", *words, "--config", str(demo.directory / "config.yaml"), "--dev"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _call() -> None:
    """What a library that calls home would do."""
    with suppress(OSError):
        socket.getaddrinfo("telemetry.example.org", 443)
    with socket.socket() as plain, suppress(OSError):
        plain.settimeout(1)
        plain.connect(("192.0.2.7", 443))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
