"""What `bastion caddy check` says of ports, addresses and other visitors around a right Caddyfile."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.core.caddy.verdicts import ProbeStatus
from gateway.embedded import free_port
from gateway.flows.policy.caddy_check import Check
from gateway.outbound.wire import Endpoint
from tests.caddy.front import HOST, Front
from tests.staging import Stage


def test_an_app_that_answers_past_caddy_is_found(front: Front) -> None:
    """With TLS or without; a closed port is what is wanted, and a server that does not speak HTTP is no app."""
    front.start(
        front.right() + f"http://{HOST}:{(plain := free_port())} {{\nbind 127.0.0.1\nreverse_proxy {front.app}\n}}\n"
    )
    with serving(hang_up) as silent, closing(socket.create_server(("127.0.0.1", 0))) as unused:
        closed = int(unused.getsockname()[1])
        unused.close()
        check = front.check(*(("127.0.0.1", port) for port in (plain, front.port, closed, silent)))

        rows = {row.name: row for row in check.rows() if row.group == "direct"}

    outcomes = [rows[f"127.0.0.1:{port}"].verdict.outcome for port in (plain, front.port, closed, silent)]
    assert outcomes == [ProbeStatus.FAILED, ProbeStatus.FAILED, ProbeStatus.OK, ProbeStatus.OK]


@contextmanager
def opened_to(front: Front, stage: Stage, network: str, servers: str = "") -> Iterator[Check]:
    """A host that only one network reaches, without a login, as soon as Bastion knows."""
    host = "inside.localhost"
    policy = stage.demo.directory / "policies" / "inside.yaml"
    policy.write_text(
        f"define: {{networks: {{office: {network}}}}}\n"
        f"apps: {{inside: {{hosts: {host}, allow: {{networks: office}}, limits: none}}}}\n"
    )
    text = front.right().replace(f"https://{HOST}:", f"https://{host}:")
    front.start(text.replace("0rtt off", f"0rtt off\n{servers}"), host)
    check = front.check(host=host)
    request = f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    deadline = time.monotonic() + 20
    try:
        while check.caddy.ask(request).status == 421 and time.monotonic() < deadline:
            time.sleep(0.1)
        yield check
    finally:
        policy.unlink()


TRUSTING = [("", []), ("trusted_proxies static 127.0.0.0/8", ["X-Forwarded-For: 10.9.0.0 at /..."])]


@pytest.mark.parametrize(("servers", "named"), TRUSTING, ids=["ours", "the client's"])
def test_an_address_that_the_client_may_choose_is_found(
    front: Front, stage: Stage, servers: str, named: list[str]
) -> None:
    with opened_to(front, stage, "10.9.0.0/16", servers) as check:
        rows = list(check.rows())

    assert [row.name for row in rows if row.verdict.outcome is ProbeStatus.FAILED] == named
    assert any(row.group == "address" for row in rows)


def test_who_is_let_in_anyway_is_told_that_addresses_were_not_tried(front: Front, stage: Stage) -> None:
    with opened_to(front, stage, "127.0.0.0/8") as check:
        rows = list(check.rows())

    assert [row for row in rows if row.verdict.outcome is ProbeStatus.FAILED] == []
    addresses = [row for row in rows if row.group == "address"]
    assert {row.verdict.outcome for row in addresses} == {ProbeStatus.WARNING}
    assert all("this machine is let in without it" in row.verdict.why for row in addresses)


CLEAR = {
    "the app": ("reverse_proxy {app}", "FAILED"),
    "a redirect": ("redir https://{{host}}{{uri}}", "ok"),
    "a refusal": ("respond 403", "FAILED"),
}


@pytest.mark.parametrize(("site", "outcome"), CLEAR.values(), ids=list(CLEAR))
def test_what_answers_in_clear_has_to_redirect(front: Front, site: str, outcome: str) -> None:
    port = free_port()
    front.start(f"{front.right()}http://{HOST}:{port} {{\n{site.format(app=front.app)}\n}}\n")
    check = replace(front.check(), plain=Endpoint("127.0.0.1", port, HOST, None))

    (row,) = [row for row in check.rows() if row.group == "clear"]

    assert row.verdict.outcome.value == outcome


@contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port of this machine. answer: what becomes of each connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            while True:
                try:
                    channel, _address = server.accept()
                except OSError:
                    return
                with closing(channel), suppress(OSError):
                    answer(channel)

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def hang_up(channel: socket.socket) -> None:
    channel.shutdown(socket.SHUT_RDWR)


def self_signed(directory: Path) -> ssl.SSLContext:
    """What an app would show that has made its certificate itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "app")])
    begins = datetime(2020, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, begins, begins + timedelta(days=36_500))
    file = directory / "app.pem"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def test_an_app_that_speaks_only_tls_is_found_too(front: Front, tmp_path: Path) -> None:
    context = self_signed(tmp_path)

    def answer(channel: socket.socket) -> None:
        with context.wrap_socket(channel, server_side=True) as encrypted:
            encrypted.recv(65_536)
            encrypted.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")

    front.start(front.right())
    with serving(answer) as port:
        (row,) = [row for row in front.check(("127.0.0.1", port)).rows() if row.group == "direct"]

    assert (row.verdict.outcome, row.status) == (ProbeStatus.FAILED, 401)


@contextmanager
def others_asking(decision_socket: str) -> Iterator[None]:
    """Somebody whose requests Bastion decides all the while."""
    ended = threading.Event()
    headers = {"Uri": "/hits", "Method": "GET", "Host": HOST, "Proto": "https", "For": "198.51.100.9"}
    lines = "".join(f"X-Forwarded-{name}: {value}\r\n" for name, value in headers.items())
    question = f"GET /decide HTTP/1.1\r\nHost: {HOST}\r\nX-Request-Id: 00000000-1\r\n{lines}\r\n".encode()

    def keep_asking() -> None:
        with socket.socket(socket.AF_UNIX) as channel:
            channel.connect(decision_socket)
            while not ended.is_set():
                channel.sendall(question)
                assert channel.recv(65_536).startswith(b"HTTP/1.1 ")

    others = threading.Thread(target=keep_asking)
    others.start()
    try:
        yield
    finally:
        ended.set()
        others.join()


def test_a_busy_installation_is_no_failure(front: Front, stage: Stage) -> None:
    """And what is broken is found all the same."""
    front.start(front.right().replace("X-Bastion-Upgrade {http.request.header.Upgrade}", 'X-Bastion-Upgrade ""'))

    with others_asking(stage.decision_socket):
        rows = list(front.check().rows())

    assert {row.group for row in rows if row.verdict.outcome is ProbeStatus.FAILED} == {"upgrade"}
    assert any("others ask too" in row.verdict.why for row in rows)
