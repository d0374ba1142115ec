"""A snippet that is not what `bastion caddy snippet` prints now: edited, or of another configuration or version."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.core.caddy.caddyfile import EXAMPLE
from gateway.core.caddy.snippet import Snippet, snippet_text
from gateway.core.policy.header_sets import header_set
from gateway.embedded import Binaries
from gateway.flows.policy.caddy_lint import lint_caddyfile, read_caddyfile
from tests.caddy.caddyfiles import HOST, PRINTED, WRAPPED, errors, linted, policy, written
from tests.identities import X_AUTH_REQUEST

EDITS = {
    "a line is gone": ("\t\trequest_header -X-Bastion*\n", "", "lacks request_header -X-Bastion*"),
    "a line is new": ("\t\thandle {\n", "\t\trespond /x 200\n\t\thandle {\n", "has respond 200"),
    "another condition": ("status 200", "status 2xx", "status_code 2 instead of"),
    "a longer wait": ("response_header_timeout 3s", "response_header_timeout 30s", "30000000000 instead of"),
    "no rewrite": ("/decide?{http.request.uuid}", "/decide", '"/decide"'),
    "another listener": ("unix//run/bastion/decision.sock", "10.0.0.1:1", '"10.0.0.1:1"'),
    "files within": ("\t\treverse_proxy unix", "\t\tfile_server\n\t\treverse_proxy unix", 'has {"handler":"file_'),
}  # fmt: skip


@pytest.mark.parametrize(("was", "became", "told"), EDITS.values(), ids=list(EDITS))
def test_an_edited_snippet_is_named_with_its_line(
    tmp_path: Path, binaries: Binaries, was: str, became: str, told: str
) -> None:
    text = snippet_text(Snippet())
    wrapper, auth = text.split("(bastion_auth)")
    file = written(tmp_path, WRAPPED, snippet=f"{wrapper.replace(was, became, 1)}(bastion_auth){auth}")
    line = text[: text.index(was)].count("\n") + 1

    found = errors(linted(file, binaries))

    assert found
    assert all(f"{HOST}: the snippet " in one and "[snippet, " in one for one in found), found
    assert any(told in one for one in found), found
    assert found[0].startswith(f"{tmp_path / 'bastion.caddy'}:{line}: ")


def test_a_snippet_of_other_header_names_is_named(tmp_path: Path, binaries: Binaries) -> None:
    file = written(tmp_path, WRAPPED, snippet=snippet_text(Snippet(identity=X_AUTH_REQUEST)))

    found = errors(linted(file, binaries))

    assert any(re.search(" lacks request_header Remote-User", line) for line in found), found


REPLACED_AUTH = snippet_text(Snippet()).replace("max_size 64KiB", "max_size 64GiB")


def test_an_edited_auth_snippet_is_named(tmp_path: Path, binaries: Binaries) -> None:
    found = errors(linted(written(tmp_path, WRAPPED, snippet=REPLACED_AUTH), binaries))

    assert len(found) == 1
    assert "auth.example.com: the snippet has " in found[0]


def test_a_snippet_of_the_version_before_is_named(tmp_path: Path, binaries: Binaries) -> None:
    text = (Path(__file__).parents[2] / "bench" / "before.caddy").read_text()
    text = text.replace("<decision>", Snippet().decision).replace("<web>", Snippet().web)

    (found, *rest) = errors(linted(written(tmp_path, WRAPPED, snippet=text), binaries))

    assert "the snippet is of an earlier version" in found
    assert all("auth.example.com" in line for line in rest)


def test_a_header_set_that_the_snippet_does_not_know_is_said(tmp_path: Path, binaries: Binaries) -> None:
    """It holds, only slower; one that policy no longer has is never asked for."""
    file = written(tmp_path, WRAPPED, snippet=snippet_text(EXAMPLE))
    reference = replace(PRINTED, header_sets=(*PRINTED.header_sets, header_set("other", (), rated=False)))

    found = lint_caddyfile(read_caddyfile(file, binaries), policy(HOST), reference, binaries)

    assert errors(found) == []
    assert ["[short-ways, " in str(one) and "other-" in str(one) for one in found] == [True]
    printed_again = written(tmp_path, WRAPPED, snippet=snippet_text(reference))
    assert lint_caddyfile(read_caddyfile(printed_again, binaries), policy(HOST), reference, binaries) == ()


def test_a_header_set_that_was_edited_is_named(tmp_path: Path, binaries: Binaries) -> None:
    text = snippet_text(PRINTED)
    assert ">X-Content-Type-Options" in text
    file = written(tmp_path, WRAPPED, snippet=text.replace('"nosniff"', '"sniff"'))

    found = errors(tuple(lint_caddyfile(read_caddyfile(file, binaries), policy(HOST), PRINTED, binaries)))

    assert ["sets other headers for legacy-" in line for line in found] == [True]
