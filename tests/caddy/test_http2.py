"""HTTP/2 has its own ways to say method, host and upgrade. The frames are written here, to say what no client would."""

import struct
from collections.abc import Iterator

import pytest

from tests.caddy.doubles import App, Decision
from tests.caddy.rig import APP, Rig

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, RESET, SETTINGS, GOAWAY = 1, 3, 4, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def block(*headers: tuple[str, str]) -> bytes:
    """HPACK literals without index and without Huffman coding; each shorter than 127 bytes."""
    return b"".join(
        b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode() for name, value in headers
    )


def frames(received: bytes) -> Iterator[tuple[int, int, bytes]]:
    while len(received) >= 9:
        size = int.from_bytes(received[:3], "big")
        yield received[3], int.from_bytes(received[5:9], "big"), received[9 : 9 + size]
        received = received[9 + size :]


def talk(rig: Rig, *headers: tuple[str, str], end: bool = True) -> list[tuple[int, int, bytes]]:
    """One request on stream 1; all frames that come back until it is answered or refused."""
    flags = END_HEADERS | (END_STREAM if end else 0)
    opening = PREFACE + frame(SETTINGS, 0, 0, b"") + frame(SETTINGS, ACK, 0, b"")
    with rig.connect(APP, "h2") as channel:
        assert channel.selected_alpn_protocol() == "h2"
        channel.sendall(opening + frame(HEADERS, flags, 1, block(*headers)))
        received = b""
        while not any(kind in (HEADERS, RESET, GOAWAY) for kind, _, _ in frames(received)):
            chunk = channel.recv(65_536)
            assert chunk, "closed without a word"
            received += chunk
        return list(frames(received))


def start(rig: Rig, method: str, *more: tuple[str, str]) -> list[tuple[str, str]]:
    authority = f"{APP}:{rig.port}"
    return [(":method", method), (":scheme", "https"), (":path", "/x"), (":authority", authority), *more]


def test_a_request_is_asked_about(rig: Rig, decision: Decision, app: App) -> None:
    heard = talk(rig, *start(rig, "GET"), ("remote-user", "evil"), ("cookie", "__Host-bastion=s"), ("cookie", "a=1"))

    assert any(kind == HEADERS for kind, _, _ in heard)
    assert decision.asked[0].one("X-Forwarded-Uri") == "/x"
    assert decision.asked[0].one("Cookie") == "__Host-bastion=s; a=1"
    assert app.reached[0].one("Remote-User") == "ada"
    assert app.reached[0].one("Cookie") == "a=1"


def test_another_host_header_is_no_way_around(rig: Rig, decision: Decision) -> None:
    talk(rig, *start(rig, "GET"), ("host", "evil.example"))

    for asked in decision.asked:
        assert asked.one("Host") == asked.one("X-Forwarded-Host") == f"{APP}:{rig.port}"


@pytest.mark.parametrize("protocol", ["websocket", "h2c", "foo", "connect-udp", "websocket, h2c", ""])
def test_no_upgrade_by_connect_reaches_anybody(rig: Rig, decision: Decision, app: App, protocol: str) -> None:
    """Caddy offers none of RFC 8441, so browsers open their WebSockets over HTTP/1.1."""
    heard = talk(rig, *start(rig, "CONNECT", (":protocol", protocol)), end=False)

    assert heard
    assert not decision.asked
    assert not app.reached


def test_a_plain_connect_reaches_nobody(rig: Rig, decision: Decision, app: App) -> None:
    talk(rig, (":method", "CONNECT"), (":authority", f"{APP}:{rig.port}"), end=False)

    assert not [asked for asked in decision.asked if asked.one("X-Forwarded-Uri").startswith("/")]
    assert not app.reached


@pytest.mark.parametrize(
    "header", [("connection", "remote-user"), ("upgrade", "h2c"), ("transfer-encoding", "chunked")]
)
def test_headers_of_http_1_reach_nobody(rig: Rig, decision: Decision, app: App, header: tuple[str, str]) -> None:
    talk(rig, *start(rig, "GET"), header)

    assert not decision.asked
    assert not app.reached
