"""What Caddy says is read strictly: each header once, one host, one address."""

import subprocess
import sys
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.forward.check import malformed
from gateway.core.forward.request import ADDRESS_CHARS, ClientKind, MalformedRequest, read_request

USUAL = {
    b"host": b"wiki.example.org:8443",
    b"x-request-id": b"7f0c2a54-6f3e-4c0b-9a35-0d6c1c1e6f11",
    b"x-forwarded-method": b"GET",
    b"x-forwarded-uri": b"/a/b?c=d",
    b"x-forwarded-host": b"WIKI.example.org:8443",
    b"x-forwarded-proto": b"https",
    b"x-forwarded-for": b"203.0.113.7",
}
NAVIGATION = {b"sec-fetch-mode": b"navigate", b"sec-fetch-dest": b"document"}


def test_a_usual_question_is_read() -> None:
    request = read_request({**USUAL, **NAVIGATION, b"cookie": b"a=1; __Host-bastion=x"}.items())

    assert (request.host, request.method, request.target, request.path) == (
        "wiki.example.org",
        "GET",
        "/a/b?c=d",
        "/a/b",
    )
    assert request.query == "c=d"
    assert request.address == ip_address("203.0.113.7")
    assert request.cookies == {"__Host-bastion": "x"}
    assert request.client is ClientKind.NAVIGATION


@pytest.mark.parametrize("name", USUAL)
def test_each_header_comes_exactly_once(name: bytes) -> None:
    without = [(key, value) for key, value in USUAL.items() if key != name]

    with pytest.raises(MalformedRequest, match="missing"):
        read_request(without)
    with pytest.raises(MalformedRequest, match="twice"):
        read_request([*USUAL.items(), (name, USUAL[name])])


BAD: dict[str, tuple[bytes, bytes]] = {
    "another host": (b"host", b"evil.example.org"),
    "no host": (b"host", b""),
    "a final dot": (b"x-forwarded-host", b"wiki.example.org."),
    "an address": (b"x-forwarded-host", b"127.0.0.1"),
    "an IPv6 address": (b"x-forwarded-host", b"[::1]"),
    "full-width dots": (b"x-forwarded-host", "wiki\uff0eexample.org".encode()),
    "a user part": (b"x-forwarded-host", b"x@wiki.example.org"),
    "a space": (b"x-forwarded-host", b"wiki example.org"),
    "a label of 64": (b"x-forwarded-host", b"x" * 64 + b".example.org"),
    "no path": (b"x-forwarded-uri", b""),
    "an absolute form": (b"x-forwarded-uri", b"https://evil/"),
    "a fragment": (b"x-forwarded-uri", b"/a#b"),
    "a space in the path": (b"x-forwarded-uri", b"/a b"),
    "a tab in the path": (b"x-forwarded-uri", b"/a\tb"),
    "another scheme": (b"x-forwarded-proto", b"gopher"),
    "two addresses": (b"x-forwarded-for", b"203.0.113.7, 198.51.100.1"),
    "an id with a quote": (b"x-request-id", b'7f0c2a54"evil'),
    "a short id": (b"x-request-id", b"x"),
}


@pytest.mark.parametrize(("name", "value"), BAD.values(), ids=BAD)
def test_what_is_not_one_thing_is_refused(name: bytes, value: bytes) -> None:
    with pytest.raises(MalformedRequest):
        read_request({**USUAL, name: value}.items())


ABSOLUTE = {
    "https://WIKI.example.org:8443/a/b?c=d": "/a/b?c=d",
    "HTTP://wiki.EXAMPLE.org:8443/a": "/a",
    "https://wiki.example.org:8443": "/",
    "https://wiki.example.org:8443?c=https://evil/": "/?c=https://evil/",
    "https://wiki.example.org:8443//a": "//a",
}


@pytest.mark.parametrize(("target", "path"), ABSOLUTE.items())
def test_an_absolute_form_of_the_same_authority_is_its_path(target: str, path: str) -> None:
    assert read_request({**USUAL, b"x-forwarded-uri": target.encode()}.items()).target == path


OTHER = [
    "https://evil/a",
    "https://wiki.example.org/a",
    "https://wiki.example.org:443/a",
    "https://x@wiki.example.org:8443/a",
]
OTHER += [
    "https://wiki.example.org:8443.evil/a",
    "https://wiki.example.org:8443@evil/a",
    "https://evil?wiki.example.org:8443",
]
NO_TARGET = [
    "https://wiki.example.org:8443/a b",
    "https://wiki.example.org:8443/a#b",
    "https:///a",
    "ftp://wiki.example.org:8443/a",
]
NO_TARGET += ["https:/wiki.example.org:8443/a", "https:wiki.example.org:8443", "wiki.example.org:8443", "*", ""]
NO_TARGET += ["https://wiki.example.org:8443#/a", "javascript:alert(1)", "https://wiki.example.org:8443/a\r\nx"]


@pytest.mark.parametrize(
    ("target", "told"),
    [
        *((target, "the request target names another host") for target in OTHER),
        *((target, "the request target is neither a path nor a URL") for target in NO_TARGET),
    ],
)
def test_another_absolute_form_is_refused_in_words_for_the_client(target: str, told: str) -> None:
    with pytest.raises(MalformedRequest) as refused:
        read_request({**USUAL, b"x-forwarded-uri": target.encode()}.items())

    answer = malformed(refused.value)
    assert refused.value.told == told
    assert (answer.status, answer.body) == (400, f"Bastion: {told}.\n".encode())
    assert answer.reason.startswith("x-forwarded-uri is ")


@pytest.mark.parametrize("name", USUAL)
def test_no_text_for_operators_reaches_a_client(name: bytes) -> None:
    with pytest.raises(MalformedRequest) as refused:
        read_request([*USUAL.items(), (name, USUAL[name])])

    answer = malformed(refused.value)
    assert answer.body == b"Bastion: this site's proxy is not configured for Bastion.\n"
    assert answer.reason == f"{name.decode()} came twice"


@pytest.mark.parametrize("value", [b"", b"unknown", b"@", b"1.2.3", b"203.0.113.7:80"])
def test_an_address_that_is_none_is_not_known(value: bytes) -> None:
    assert read_request({**USUAL, b"x-forwarded-for": value}.items()).address is None


def test_what_is_longer_than_any_address_is_refused() -> None:
    longest = b"x" * ADDRESS_CHARS

    assert read_request({**USUAL, b"x-forwarded-for": longest}.items()).address is None
    with pytest.raises(MalformedRequest, match="not one address"):
        read_request({**USUAL, b"x-forwarded-for": longest + b"x"}.items())


_NAMES_KEPT = """
import tracemalloc
from gateway.core.forward.request import Fields
tracemalloc.start()
for number in range(1000):
    Fields([(b"%d-" % number + b"x" * SIZE, b"")])
print(tracemalloc.get_traced_memory()[0])
"""


@pytest.mark.parametrize(("size", "kept"), [(60, True), (61, False), (60_000, False)])
def test_only_short_names_of_headers_are_remembered(size: int, kept: bool) -> None:
    """In a process that has not learned any yet: a thousand long ones would be held as long as it lives."""
    code = _NAMES_KEPT.replace("SIZE", str(size))

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert (int(done.stdout) > 80_000) is kept


def test_an_address_in_another_spelling_is_the_same() -> None:
    assert read_request({**USUAL, b"x-forwarded-for": b"::ffff:203.0.113.7"}.items()).address == ip_address(
        "203.0.113.7"
    )


CLIENTS: dict[str, tuple[dict[bytes, bytes], ClientKind]] = {
    "a person's browser": (NAVIGATION, ClientKind.NAVIGATION),
    "an older browser": ({b"accept": b"text/html,*/*;q=0.8"}, ClientKind.NAVIGATION),
    "jQuery": ({b"accept": b"text/html", b"x-requested-with": b"XMLHttpRequest"}, ClientKind.FETCH),
    "curl": ({b"accept": b"*/*"}, ClientKind.FETCH),
    "fetch": ({b"sec-fetch-mode": b"cors", b"sec-fetch-dest": b"empty", b"accept": b"text/html"}, ClientKind.FETCH),
    "a service worker that passes a navigation on": (
        {b"sec-fetch-mode": b"navigate", b"sec-fetch-dest": b"empty", b"accept": b"text/html,*/*;q=0.8"},
        ClientKind.NAVIGATION,
    ),
    "a navigation that says no destination": ({b"sec-fetch-mode": b"navigate"}, ClientKind.NAVIGATION),
    "a service worker that fetches anew": (
        {b"sec-fetch-mode": b"same-origin", b"sec-fetch-dest": b"empty"},
        ClientKind.FETCH,
    ),
    "an image": ({b"sec-fetch-mode": b"no-cors", b"sec-fetch-dest": b"image"}, ClientKind.FETCH),
    "a frame": ({b"sec-fetch-mode": b"navigate", b"sec-fetch-dest": b"iframe"}, ClientKind.FRAME),
    "an object": ({b"sec-fetch-mode": b"navigate", b"sec-fetch-dest": b"object"}, ClientKind.FRAME),
    "a WebSocket": ({b"x-bastion-upgrade": b"websocket", **NAVIGATION}, ClientKind.WEBSOCKET),
    "a WebSocket in HTTP/2": ({b"x-forwarded-method": b"CONNECT"}, ClientKind.WEBSOCKET),
    "a preflight": (
        {b"x-forwarded-method": b"OPTIONS", b"origin": b"https://x", b"access-control-request-method": b"PUT"},
        ClientKind.PREFLIGHT,
    ),
    "OPTIONS that is no preflight": ({b"x-forwarded-method": b"OPTIONS", b"origin": b"https://x"}, ClientKind.FETCH),
}


@pytest.mark.parametrize(("headers", "client"), CLIENTS.values(), ids=CLIENTS)
def test_the_client_is_told_by_what_it_sends(headers: dict[bytes, bytes], client: ClientKind) -> None:
    assert read_request({**USUAL, **headers}.items()).client is client


@given(
    st.lists(st.tuples(st.sampled_from([*USUAL, b"cookie", b"origin", b"accept"]), st.binary(max_size=40)), max_size=12)
)
def test_any_headers_are_read_or_refused(headers: list[tuple[bytes, bytes]]) -> None:
    try:
        request = read_request([*USUAL.items(), *((name, value) for name, value in headers if name not in USUAL)])
        read_request(headers)
    except MalformedRequest:
        return
    assert request.host == "wiki.example.org"
