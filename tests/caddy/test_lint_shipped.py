"""The Caddyfiles that we ship pass the lint with the policies that they are for."""

from pathlib import Path

import pytest

from gateway.core.caddy.caddyfile import EXAMPLE_AUTH_HOST, DemoSite, ProtectedSite, demo_caddyfile
from gateway.core.caddy.snippet import Snippet, snippet_text
from gateway.core.policy.compile import compile_policy
from gateway.core.policy.site import Site
from gateway.embedded import Binaries
from gateway.flows.policy.caddy_lint import lint_caddyfile, read_caddyfile
from tests.caddy.caddyfiles import policy

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("snippet", [Snippet(), Snippet(console="unix//run/a.sock", console_from=("10.20.0.0/24",))])
def test_the_demos_caddyfile_passes(tmp_path: Path, binaries: Binaries, snippet: Snippet) -> None:
    hosts = ("app.localhost", "app2.localhost")
    sites = tuple(ProtectedSite(host, "127.0.0.1:1") for host in hosts)
    (tmp_path / "Caddyfile").write_text(
        demo_caddyfile(DemoSite("auth.localhost", 8443, snippet.web, snippet_text(snippet), sites))
    )
    enforced = policy(*hosts, auth_url="https://auth.localhost:8443")

    found = lint_caddyfile(read_caddyfile(tmp_path / "Caddyfile", binaries), enforced, snippet, binaries)

    assert {one.finding.code for one in found} == {"bodies"}, found


def test_the_caddyfile_that_we_ship_passes_with_the_policy_that_we_ship(binaries: Binaries) -> None:
    sources = {file.name: file.read_text() for file in (ROOT / "policies").glob("*.yaml")}
    enforced = compile_policy(sources, Site.of(f"https://{EXAMPLE_AUTH_HOST}"))

    found = lint_caddyfile(read_caddyfile(ROOT / "Caddyfile", binaries), enforced, Snippet(), binaries)

    assert len(enforced.hosts) == len(sources) == 3
    assert {one.finding.code for one in found} == {"admin"}, found
