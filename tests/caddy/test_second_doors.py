"""A back end behind a wrapper is behind it everywhere: each other address that leads there is named, with its line."""

from pathlib import Path

import pytest

from gateway.embedded import Binaries
from tests.caddy.caddyfiles import APP, GLOBAL, HOST, WRAPPED, errors, linted, written

PLAIN = "reverse_proxy 127.0.0.1:8080"
ASKS = f"import bastion {{\n\t\t{APP}\n\t}}"
NAMED = f"&(app) {{\n\t{APP}\n}}\n"
DOORS = {
    "another host": f"free.localhost {{\n\t{PLAIN}\n}}\n",
    "an address": f"http://127.0.0.1:9000 {{\n\t{PLAIN}\n}}\n",
    "another name of this machine": "free.localhost {\n\treverse_proxy localhost:8080\n}\n",
    "no name of this machine": "free.localhost {\n\treverse_proxy :8080\n}\n",
    "one of several": "free.localhost {\n\treverse_proxy 127.0.0.1:9 127.0.0.1:8080\n}\n",
    "one path": f"free.localhost {{\n\thandle /x/* {{\n\t\t{PLAIN}\n\t}}\n\trespond 404\n}}\n",
    "beside a wrapper": f"free.localhost {{\n\thandle /x/* {{\n\t\t{PLAIN}\n\t}}\n\t{ASKS}\n}}\n",
    "an error page": f"free.localhost {{\n\trespond text\n\thandle_errors {{\n\t\t{PLAIN}\n\t}}\n}}\n",
    "a named route": f"&(app) {{\n\t{PLAIN}\n}}\nfree.localhost {{\n\tinvoke app\n}}\n",
    "bound to a network": f"http://10.0.0.7:9000 {{\n\tbind 10.0.0.7\n\t{PLAIN}\n}}\n",
    "bound to both": f"http://127.0.0.1:9000 {{\n\tbind 127.0.0.1 10.0.0.7\n\t{PLAIN}\n}}\n",
}
FINE = {
    "another back end": "free.localhost {\n\treverse_proxy 127.0.0.1:9\n}\n",
    "wrapped as well": f"free.localhost {{\n\t{ASKS}\n}}\n",
    "bound to loopback": f"http://127.0.0.1:9000 {{\n\tbind 127.0.0.1\n\t{PLAIN}\n}}\n",
    "bound to loopback of IPv6": f"http://[::1]:9000 {{\n\tbind [::1]\n\t{PLAIN}\n}}\n",
    "bound to a socket": f"http://x.localhost {{\n\tbind unix//run/x.sock\n\t{PLAIN}\n}}\n",
    "a named route of a wrapper": f"{NAMED}free.localhost {{\n\t{ASKS.replace(APP, 'invoke app')}\n}}\n",
}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_a_second_door_is_an_error(tmp_path: Path, binaries: Binaries, door: str) -> None:
    file = written(tmp_path, f"{WRAPPED}{door}")

    (found,) = errors(linted(file, binaries))

    assert "leads to the back end of a wrapped site: Caddy never asks Bastion there" in found
    assert "[second-door, apps.http.servers." in found


@pytest.mark.parametrize("site", FINE.values(), ids=FINE)
def test_what_leads_elsewhere_asks_or_faces_nobody_is_none(tmp_path: Path, binaries: Binaries, site: str) -> None:
    assert errors(linted(written(tmp_path, f"{WRAPPED}{site}"), binaries)) == []


def test_it_is_told_with_its_line(tmp_path: Path, binaries: Binaries) -> None:
    file = written(tmp_path, f"{WRAPPED}free.localhost {{\n\t{PLAIN}\n}}\n")
    line = file.read_text().splitlines().index(f"\t{PLAIN}") + 1

    (found,) = errors(linted(file, binaries))

    assert found.startswith(f"{file}:{line}: error: free.localhost: {PLAIN} leads to")


def test_a_back_end_that_only_a_named_route_names_has_second_doors_too(tmp_path: Path, binaries: Binaries) -> None:
    wrapped = WRAPPED.replace(APP, "invoke app")

    (found,) = errors(linted(written(tmp_path, f"{NAMED}{wrapped}free.localhost {{\n\t{PLAIN}\n}}\n"), binaries))

    assert "[second-door, " in found


@pytest.mark.parametrize(("address", "code"), [(f"{HOST}:8443", "unwrapped"), ("http://:9000", "clear-text")])
def test_what_is_an_error_already_is_told_once(tmp_path: Path, binaries: Binaries, address: str, code: str) -> None:
    (found,) = errors(linted(written(tmp_path, f"{WRAPPED}{address} {{\n\t{PLAIN}\n}}\n"), binaries))

    assert f"[{code}, " in found


@pytest.mark.parametrize(
    ("start", "host", "code"),
    [
        ("{\n\tadmin off\n}\n", HOST, "early-data"),
        (GLOBAL, "missing.example.com", "missing"),
    ],
)
def test_an_error_of_the_whole_server_hides_none(
    tmp_path: Path, binaries: Binaries, start: str, host: str, code: str
) -> None:
    file = written(tmp_path, f"{WRAPPED}free.localhost {{\n\t{PLAIN}\n}}\n", start=start)

    other, door = sorted(errors(linted(file, binaries, *{HOST, host})), key=lambda said: "[second-door, " in said)

    assert f"[{code}, " in other
    assert "[second-door, " in door
