"""The generated text itself."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.core.caddy.caddyfile import EXAMPLE, DemoSite, ProtectedSite, demo_caddyfile, example_caddyfile
from gateway.core.caddy.snippet import Snippet, snippet_text
from tests.identities import BOTH, REMOTE, X_AUTH_REQUEST

ROOT = Path(__file__).resolve().parents[3]
SNIPPETS = [Snippet(identity=identity) for identity in (BOTH, REMOTE, X_AUTH_REQUEST, ())] + [EXAMPLE]


def test_the_caddyfile_of_the_project_is_the_example() -> None:
    """After a change: bastion caddy example > Caddyfile."""
    assert (ROOT / "Caddyfile").read_text() == example_caddyfile(EXAMPLE)


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_nothing_is_left_to_fill_in(snippet: Snippet) -> None:
    text = snippet_text(snippet)

    assert not re.search(r"<[a-z ]+>", text)
    assert text.count("{") == text.count("}")
    assert all(line == line.rstrip() for line in text.splitlines())


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_what_is_told_to_the_app_was_taken_from_the_client_and_from_the_answer(snippet: Snippet) -> None:
    text = snippet_text(snippet)

    told = re.findall(r"request_header ([A-Za-z-]+) \{rp\.header\.([A-Za-z-]+)\}", text)
    assert told == [(name, name) for name in snippet.identity]
    assert f'X-Bastion-Snippet "2;{",".join(snippet.identity)};' in text
    if told:
        assert text.index("{rp.header.X-Bastion-Taken-16}") < text.index(f"request_header {told[0][0]}")


def test_every_variable_that_is_read_is_also_remembered() -> None:
    text = snippet_text(replace(EXAMPLE, identity=BOTH))

    read = set(re.findall(r"\{vars\.(\S+)\}", text)) | set(re.findall(r"vars (bastion_\S+) (?!\{)", text))
    remembered = set(re.findall(r"^\t+(?:vars )?(bastion_\S+) \{rp\.header\.", text, re.MULTILINE))
    assert read == remembered


def test_a_header_of_the_answer_is_named_as_go_spells_it() -> None:
    """Caddy finds it by no other spelling."""
    text = snippet_text(replace(EXAMPLE, identity=BOTH))
    for name in re.findall(r"\{rp\.header\.([A-Za-z0-9-]+)\}", text):
        assert name == "-".join(word.capitalize() for word in name.split("-"))


def test_the_upstreams_stand_where_they_are_asked() -> None:
    text = snippet_text(Snippet(decision="10.0.0.7:9001", web="unix//run/w.sock"))

    assert re.findall(r"reverse_proxy (\S+) \{", text) == ["10.0.0.7:9001", "unix//run/w.sock"]


def test_the_demo_opens_one_port_for_this_machine() -> None:
    sites = (ProtectedSite("a.localhost", "127.0.0.1:1"), ProtectedSite("b.localhost", "unix//run/b.sock"))
    text = demo_caddyfile(
        DemoSite("auth.localhost", 8443, "unix//run/w.sock", snippet_text(Snippet()), sites, admin="unix//run/a")
    )

    assert re.findall(r"^https://(\S+) \{", text, re.MULTILINE) == [
        "auth.localhost:8443",
        "a.localhost:8443",
        "b.localhost:8443",
        ":8443",
    ]
    for line in ("admin unix//run/a", "auto_https disable_redirects", "default_bind 127.0.0.1", "0rtt off"):
        assert f"\t{line}\n" in text
