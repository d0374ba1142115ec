"""`bastion caddy check` against a real Caddy and a real Bastion: right sites pass, and what is broken is named."""

from pathlib import Path

import pytest

from gateway.core.caddy.matchers import sample_paths
from gateway.core.caddy.verdicts import ProbeStatus
from gateway.embedded import Binaries
from gateway.flows.policy.caddy_lint import read_caddyfile
from tests.caddy.front import HOST, MARKS, Front, failures, names
from tests.exhaustive import sampled


def test_a_right_site_passes(front: Front) -> None:
    front.start(front.right())

    assert failures(front.check(paths=("/more",))) == []


def test_a_handle_beside_the_wrapper_is_found(front: Front) -> None:
    site = f"https://{HOST}:{front.port} {{\n"
    front.start(front.right().replace(site, f"{site}handle /api/* {{\nreverse_proxy {front.app}\n}}\n"))

    found = failures(front.check())

    assert names(found) == {f"path: /api/{below}..." for below in ("", "keys/", "own/", "proved/")}
    assert found[0].verdict.why == "answered 200, and Bastion was not asked"


def test_a_handle_that_only_its_caddyfile_knows_is_found(front: Front, tmp_path: Path, binaries: Binaries) -> None:
    site = f"https://{HOST}:{front.port} {{\n"
    text = front.right().replace(site, f"{site}handle /hook/* {{\nreverse_proxy {front.app}\n}}\n")
    front.start(text)
    (tmp_path / "Caddyfile").write_text(text)
    paths = sample_paths(read_caddyfile(tmp_path / "Caddyfile", binaries).adapted, HOST, MARKS.path)

    assert paths == ("/hook/checkmark",)
    assert names(failures(front.check())) == set()
    assert names(failures(front.check(paths=paths))) == {"path: /hook/..."}


def test_a_site_without_the_snippet_is_found(front: Front) -> None:
    text = front.right()
    begin = text.index(f"https://{HOST}:{front.port} {{")
    front.start(f"{text[:begin]}https://{HOST}:{front.port} {{\nreverse_proxy {front.app}\n}}\n")

    found = names(failures(front.check()))

    assert {"path: /...", "identity: Remote-User", "echo: X-Auth-Request-User"} <= found
    assert {
        "upgrade: Upgrade: h2c",
        "upgrade: Upgrade: websocket;h2c",
        "connection: Connection: cookie",
        "bastion: /.bastion/logout",
    } <= found


def test_an_app_behind_handle_errors_is_found(front: Front) -> None:
    """Where Bastion can't be reached from this Caddy."""
    errors = f"https://{HOST}:{front.port} {{\nhandle_errors {{\nreverse_proxy {front.app}\n}}\n"
    text = front.right().replace("decision.sock", "nobody.sock").replace("\timport bastion_away\n", "")
    front.start(text.replace(f"https://{HOST}:{front.port} {{\n", errors))

    found = {f"{row.group}: {row.name}": row for row in failures(front.check())}

    assert found["path: /..."].verdict.why == "answered 200, and Bastion was not asked"
    assert {"spelling: /.../", "body: GET ... with a question inside, chunked"} <= found.keys()


OLD = {
    "upgrade": (
        "header_up X-Bastion-Upgrade {http.request.header.Upgrade}\n",
        "",
        "upgrade: Upgrade: websocket;h2c",
    ),
    "connection": (
        "header_up X-Bastion-Connection {http.request.header.Connection}\n",
        "",
        "connection: Connection: close, Remote-User",
    ),
    "tildes": ("request_header -{rp.header.X-Bastion-Taken-1}\n", "", "echo: X~Auth~Request~User"),
    "address": ("X-Bastion-Taken} nothing", "X-Bastion-Taken} nothing some", "echo: X-Real-Ip"),
    "uri": ("X-Forwarded-Uri {http.request.orig_uri}", "X-Forwarded-Uri /public/x", "path: /..."),
    "destination": (
        "header_up -Upgrade\n",
        "header_up -Upgrade\nheader_up -Destination\n",
        "destination: MOVE to /...",
    ),
    "capital": ("status 200", "status 2xx 4xx", "path: /..."),
}


SOME_OLD = sampled(OLD, 3)


@pytest.mark.parametrize(("was", "became", "named"), [OLD[one] for one in SOME_OLD], ids=SOME_OLD)
def test_an_old_snippet_is_found(front: Front, was: str, became: str, named: str) -> None:
    text = front.right()
    assert was in text
    front.start(text.replace(was, became))

    assert named in names(failures(front.check()))


def test_a_missing_upgrade_rule_fails_nothing_else(front: Front) -> None:
    front.start(front.right().replace("X-Bastion-Upgrade {http.request.header.Upgrade}", 'X-Bastion-Upgrade ""'))

    found = failures(front.check())

    assert {row.group for row in found} == {"upgrade"}
    assert all("expected 400, got 401: the snippet is an old one" in row.verdict.why for row in found)


def test_an_answer_other_than_policys_is_found(front: Front) -> None:
    """Bastion is asked, and refuses, but about another path."""
    front.start(front.right().replace("X-Forwarded-Uri {http.request.orig_uri}", "X-Forwarded-Uri /a/../b"))

    found = {row.name: row.verdict.why for row in failures(front.check())}

    assert found["/..."] == "policy says 401, got 400"


def test_paths_of_bastion_that_go_elsewhere_are_found(front: Front) -> None:
    site = f"https://{HOST}:{front.port} {{\n"
    front.start(front.right().replace(site, f"{site}handle /.bastion/* {{\nreverse_proxy {front.app}\n}}\n"))

    found = names(failures(front.check()))

    assert {"bastion: /.bastion/callback", "bastion: /.bastion/..."} <= found
    assert all(name.startswith("bastion: ") for name in found)


def test_an_app_for_unknown_hosts_is_found(front: Front) -> None:
    front.start(front.right().replace("\trespond 421\n", f"\treverse_proxy {front.app}\n"))

    found = names(failures(front.check()))

    assert {"host: Host: unknown", "host: another in the request line"} <= found


def test_an_empty_answer_for_unknown_hosts_is_a_warning(front: Front) -> None:
    front.start(front.right().replace("\trespond 421\n", ""))

    rows = [row for row in front.check().rows() if row.verdict.outcome is not ProbeStatus.OK]

    assert {row.name for row in rows} >= {"Host: unknown"}
    assert {row.verdict.outcome for row in rows} == {ProbeStatus.WARNING}


def test_a_request_that_is_asked_about_twice_is_found(front: Front) -> None:
    """Nobody else asks, so it is this Caddy that does."""
    once = f"\t\treverse_proxy {front.app} {{\n\t\t\tstream_timeout 15m\n\t\t}}\n"
    text = front.right()
    assert once in text
    wrapper = text[text.index("(bastion)") : text.index("# Of Bastion's own answers")]
    again = wrapper.replace("(bastion)", "(again)").replace("@bastion", "@again")
    front.start(text.replace(once, f"import again {{\n{once}}}\n").replace(wrapper, wrapper + again))

    found = failures(front.check())

    assert {row.name for row in found} >= {"/public/...", "/hits"}
    assert {row.verdict.why for row in found} == {"Bastion was asked 2 times for one request"}
