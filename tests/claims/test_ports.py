"""One demo for each port, from before Caddy listens until after it has ended."""

import os
import socket
import subprocess
import sys
import time

import pytest

from gateway.claims import PortInUse, demo_port
from gateway.embedded import free_port

HOLDS = """
import sys, time
from gateway.claims import demo_port
with demo_port(int(sys.argv[1])):
    print(flush=True)
    time.sleep(60)
"""


def test_two_demos_that_start_at_once_do_not_both_get_a_port() -> None:
    """Nobody listens on it yet."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(port)], stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        first.stdout.readline()

        with pytest.raises(PortInUse) as refused, demo_port(port):
            pass
        with demo_port(free_port()):
            pass

        first.kill()
        first.wait()
        with demo_port(port):
            pass
    assert str(refused.value) == f"port {port} is in use by another demo (pid {first.pid}); name another with --port"


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
@pytest.mark.parametrize("shared", [False, True])
def test_a_port_that_another_program_has_is_named_within_two_seconds(kind: socket.SocketKind, *, shared: bool) -> None:
    """Also where it is ready to share it, as Caddy is, and where it has only what HTTP/3 needs."""
    with socket.socket(socket.AF_INET, kind) as other:
        if shared:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            other.listen()
        port, began = other.getsockname()[1], time.monotonic()

        with pytest.raises(PortInUse) as refused, demo_port(port):
            pass

    assert time.monotonic() - began < 2
    assert str(refused.value) == f"port {port} is in use by pid {os.getpid()}; name another with --port"


def test_a_server_that_is_ending_is_waited_for() -> None:
    port = free_port()
    ends = f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); print(flush=True); time.sleep(0.5)"
    with subprocess.Popen([sys.executable, "-c", ends], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        server.stdout.readline()

        with demo_port(port):
            pass
