"""An address that somebody has is named with its holder, and nothing there is touched."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from uuid import uuid4

import pytest

from gateway.claims import ListenersInUse, require_free, trouble_at
from gateway.embedded import free_port

US = f"pid {os.getpid()}"


@pytest.fixture
def path(short_directory: Path) -> Path:
    return short_directory / f"{uuid4().hex[:8]} a.sock"


@pytest.fixture
def listening(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(0)
        yield server


def test_nobody_is_in_the_way_of_a_free_address(path: Path) -> None:
    assert trouble_at(f"unix:{path}") == trouble_at(f"127.0.0.1:{free_port()}") == ""
    assert trouble_at(f"unix:{path.parent}/not/there/yet.sock") == ""


def test_a_socket_that_is_served_is_named_with_its_server(path: Path, listening: socket.socket) -> None:
    before = path.stat()

    trouble = trouble_at(f"unix:{path}")

    assert trouble == f"unix:{path} is served by {US}; end it or name other listeners"
    assert path.stat() == before
    listening.close()
    assert trouble_at(f"unix:{path}") == ""
    assert path.stat().st_ino == before.st_ino


@pytest.mark.usefixtures("listening")
def test_a_server_that_takes_no_connections_is_not_dead(path: Path) -> None:
    """Its queue is full and nobody reads: it was stopped, or is under attack."""
    with ExitStack() as stack:
        for _ in range(2):
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            with suppress(BlockingIOError):
                client.connect(str(path))

        assert f"is served by {US}" in trouble_at(f"unix:{path}")


def test_a_file_that_is_no_socket_is_not_replaced(path: Path) -> None:
    path.write_text("of somebody")

    assert trouble_at(f"unix:{path}") == f"unix:{path}: another file is there; remove it or name another listener"
    assert trouble_at(f"unix:{path}/below.sock") == f"unix:{path}/below.sock: Not a directory"


@pytest.mark.parametrize(
    ("taken", "wished"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "localhost"),
        ("127.0.0.1", "0.0.0.0"),
        ("0.0.0.0", "127.0.0.1"),
        ("::1", "[::1]"),
        ("::1", "[::]"),
    ],
)
def test_a_port_is_in_use_on_whichever_address_somebody_has_it(taken: str, wished: str) -> None:
    with socket.create_server((taken, 0), family=socket.AF_INET6 if ":" in taken else socket.AF_INET) as server:
        port = server.getsockname()[1]

        assert trouble_at(f"{wished}:{port}") == f"{wished}:{port} is in use by {US}; end it or name other listeners"

    assert trouble_at(f"{wished}:{port}") == ""


def test_a_port_that_others_may_share_is_in_use_too() -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as server:
        assert "is in use by" in trouble_at(f"127.0.0.1:{server.getsockname()[1]}")


def test_connections_that_linger_after_a_server_are_in_nobodys_way() -> None:
    """TIME_WAIT, after each restart."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        client = socket.create_connection(address)
        server.accept()[0].close()
        client.close()

    assert trouble_at(f"127.0.0.1:{address[1]}") == ""


@pytest.mark.parametrize(
    ("address", "why"),
    [("192.0.2.1:8080", "Cannot assign requested address"), ("no-such-host.invalid:80", "can't be listened on")],
)
def test_an_address_that_is_not_of_this_machine_is_said(address: str, why: str) -> None:
    assert why in trouble_at(address)


@pytest.mark.usefixtures("listening")
def test_all_that_is_in_use_is_told_at_once(path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(ListenersInUse) as refused,
    ):
        require_free([f"unix:{path}", f"127.0.0.1:{server.getsockname()[1]}", f"127.0.0.1:{free_port()}"])

    assert str(refused.value).count(US) == len(str(refused.value).splitlines()) == 2
