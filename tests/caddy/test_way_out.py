"""Each way out that the lint advises is one: with it the finding is gone. And the Caddyfiles of the pages give none."""

import re
from pathlib import Path
from typing import Final

import pytest

from gateway.core.caddy.findings import Level
from gateway.core.caddy.snippet import Snippet, snippet_text
from gateway.embedded import Binaries
from gateway.flows.policy.caddy_lint import Placed, lint_caddyfile, read_caddyfile
from tests.caddy.caddyfiles import APP, AUTH, GLOBAL, HOST, NOBODY, OTHER_APP, WRAPPED, policy, site

ROOT: Final = Path(__file__).resolve().parents[2]
INSIDE: Final = f"import bastion {{\n\t\trequest_body {{\n\t\t\tmax_size 1MB\n\t\t}}\n\t\tWHAT\n\t\t{APP}\n\t}}"
SNIPPET: Final = snippet_text(Snippet())


def whole(sites: str = WRAPPED, *, start: str = GLOBAL, auth: str = AUTH, nobody: str = NOBODY) -> str:
    return f"{start}import bastion.caddy\n{auth}{nobody}{sites}"


def within(what: str) -> str:
    """A site with this inside of the wrapper."""
    return f"{HOST} {{\n\t{INSIDE.replace('WHAT', what)}\n}}\n"


def options(*lines: str, servers: tuple[str, ...] = ("0rtt off",)) -> str:
    inner = "".join(f"\t\t{line}\n" for line in servers)
    return "{\n" + "".join(f"\t{line}\n" for line in lines) + f"\tservers {{\n{inner}\t}}\n}}\n"


# By code: a Caddyfile, a part of what is said of it, and the Caddyfile with that way out.
WAYS: Final = {
    "missing": (whole(""), f"add a site for {HOST} with `import bastion {{ ... }}`", whole()),
    "missing auth": (
        whole(auth=""),
        "add a site auth.example.com with the line `import bastion_auth`",
        whole(auth="auth.example.com {\n\timport bastion_auth\n}\n"),
    ),
    "before": (whole(site("rewrite /a /b")), "move it into `import", whole(within("rewrite /a /b"))),
    "beside": (whole(site("respond /a text")), "move it into `import", whole(within("respond /a text"))),
    "quiet": (whole(site("encode gzip")), "move it into `import", whole(within("encode gzip"))),
    "elsewhere": (
        whole(site("redir /a https://other.example.org/")),
        "move it into `import",
        whole(within("redir /a https://other.example.org/")),
    ),
    "again": (
        whole(site("import bastion {\n\t\trespond /a text\n\t}")),
        "move its directives into the first `import bastion { ... }`",
        whole(within("respond /a text")),
    ),
    "snippet": (
        whole(auth="auth.example.com {\n\timport bastion\n}\n"),
        "write `import bastion_auth`",
        whole(auth="auth.example.com {\n\timport bastion_auth\n}\n"),
    ),
    "bodies": (
        whole(f"{HOST} {{\n\timport bastion {{\n\t\t{APP}\n\t}}\n}}\n"),
        "write `request_body` with the line `max_size 100MB` inside the wrapper",
        whole(WRAPPED.replace("1MB", "100MB")),
    ),
    "streams": (
        whole(within("reverse_proxy /ws 127.0.0.1:9")),
        "write `stream_timeout 15m` into it",
        whole(within("reverse_proxy /ws 127.0.0.1:9 {\n\t\t\tstream_timeout 15m\n\t\t}")),
    ),
    "unwrapped": (
        whole(f"{HOST} {{\n\t{APP}\n}}\n"),
        "put the whole site into `import bastion { ... }`",
        whole(),
    ),
    "unwrapped auth": (
        whole(auth="auth.example.com {\n\trespond text\n}\n"),
        "write `import bastion_auth` and nothing else into the site",
        whole(auth="auth.example.com {\n\timport bastion_auth\n}\n"),
    ),
    "shadowed": (
        whole(f"*.example.com {{\n\t{OTHER_APP}\n}}\n"),
        f"give {HOST} a site of its own with `import bastion {{ ... }}`",
        whole(f"*.example.com {{\n\t{OTHER_APP}\n}}\n{WRAPPED}"),
    ),
    "clear-text": (
        whole(f"{WRAPPED}http://{HOST} {{\n\trespond text\n}}\n"),
        "or write `redir https://{host}{uri}` in it",
        whole(f"{WRAPPED}http://{HOST} {{\n\tredir https://{{host}}{{uri}}\n}}\n"),
    ),
    "second-door": (
        whole(f"{WRAPPED}free.example.net {{\n\t{APP}\n}}\n"),
        "put it into `import bastion { ... }`",
        whole(f"{WRAPPED}free.example.net {{\n\timport bastion {{\n\t\t{APP}\n\t}}\n}}\n"),
    ),
    "second-door taken out": (whole(f"{WRAPPED}free.example.net {{\n\t{APP}\n}}\n"), "take it out", whole()),
    "second-door on loopback": (
        whole(f"{WRAPPED}http://127.0.0.1:9000 {{\n\t{APP}\n}}\n"),
        "write `bind 127.0.0.1` into the site",
        whole(f"{WRAPPED}http://127.0.0.1:9000 {{\n\tbind 127.0.0.1\n\t{APP}\n}}\n"),
    ),
    "early-data": (whole(start="{\n\tadmin off\n}\n"), "write `0rtt off` into `servers { ... }`", whole()),
    "catch-all": (
        whole(nobody=""),
        "add a site `:443` with the line `respond 421`",
        whole(nobody=":443 {\n\trespond 421\n}\n"),
    ),
    "catch-all on another port": (
        whole(f"{WRAPPED}{WRAPPED.replace(f'{HOST} ', f'{HOST}:8443 ')}"),
        "add a site `:8443` with the line `respond 421`",
        whole(f"{WRAPPED}{WRAPPED.replace(f'{HOST} ', f'{HOST}:8443 ')}:8443 {{\n\trespond 421\n}}\n"),
    ),
    "admin": (
        whole(start=options()),
        "write `admin unix//run/caddy/admin.sock` or",
        whole(start=options("admin unix//run/caddy/admin.sock")),
    ),
    "proxies": (
        whole(start=options("admin off", servers=("0rtt off", "trusted_proxies static 192.0.2.0/24"))),
        "write `trusted_proxies_strict` into the same `servers` block",
        whole(
            start=options(
                "admin off", servers=("0rtt off", "trusted_proxies static 192.0.2.0/24", "trusted_proxies_strict")
            )
        ),
    ),
    "wide-proxies": (
        whole(
            start=options(
                "admin off", servers=("0rtt off", "trusted_proxies static private_ranges", "trusted_proxies_strict")
            )
        ),
        "name the proxy's own addresses",
        whole(
            start=options(
                "admin off", servers=("0rtt off", "trusted_proxies static 10.0.0.7", "trusted_proxies_strict")
            )
        ),
    ),
    "no-redirect": (
        whole(start=options("admin off", "auto_https disable_redirects")),
        "remove `auto_https off` or `auto_https disable_redirects`",
        whole(),
    ),
    "errors": (
        whole(site("handle_errors {\n\t\treverse_proxy 127.0.0.1:9\n\t}")),
        "answer with `respond` there",
        whole(site("handle_errors {\n\t\trespond text\n\t}")),
    ),
    "errors from files": (
        whole(site("handle_errors {\n\t\troot * /srv\n\t\tfile_server\n\t}")),
        "or `rewrite * /{err.status_code}.html` before it",
        whole(site("handle_errors {\n\t\troot * /srv\n\t\trewrite * /{err.status_code}.html\n\t\tfile_server\n\t}")),
    ),
}  # fmt: skip


def linted(directory: Path, text: str, binaries: Binaries, snippet: str = SNIPPET) -> tuple[Placed, ...]:
    (directory / "bastion.caddy").write_text(snippet)
    (directory / "Caddyfile").write_text(text)
    return lint_caddyfile(read_caddyfile(directory / "Caddyfile", binaries), policy(HOST), Snippet(), binaries)


@pytest.mark.parametrize("name", WAYS)
def test_with_the_way_out_the_finding_is_gone(tmp_path: Path, binaries: Binaries, name: str) -> None:
    text, way_out, mended = WAYS[name]
    code = name.partition(" ")[0]

    found = linted(tmp_path, text, binaries)

    assert [one for one in found if one.finding.code == code and way_out in str(one)], found
    assert linted(tmp_path, mended, binaries) == ()


def test_every_code_has_a_way_out_that_is_tried() -> None:
    """Of `bare`, `short-ways` and a snippet of another version the way out is to print it again: other tests do."""
    named = re.findall(
        r'"([a-z-]+)",\s+Level\.', "".join(file.read_text() for file in (ROOT / "gateway/core/caddy").glob("*.py"))
    )
    listed = {name.partition(" ")[0] for name in WAYS}

    assert set(named) - listed <= {"bare", "short-ways"}
    assert len(set(named)) > 12


SECOND: Final = {
    "port": f"{HOST}:8443 {{\n\t{APP}\n}}\n",
    "path": f"{HOST}/api/* {{\n\t{APP}\n}}\n",
    "scheme": f"http://{HOST} {{\n\trespond text\n}}\n",
    "among others": f"other.example.org:8443, {HOST}:8443 {{\n\t{APP}\n}}\n",
}


@pytest.mark.parametrize("second", SECOND.values(), ids=SECOND)
def test_the_fault_of_a_second_site_is_told_at_the_second_site(tmp_path: Path, binaries: Binaries, second: str) -> None:
    text = whole(f"{WRAPPED}{second}")
    line = text[: text.index(second)].count("\n") + 1

    errors = [one for one in linted(tmp_path, text, binaries) if one.finding.level is Level.ERROR]

    assert [one.place for one in errors] == [f"{tmp_path}/Caddyfile:{line}"]


def test_a_second_wrapper_is_one_finding_at_the_second_import(tmp_path: Path, binaries: Binaries) -> None:
    text = whole(f"{HOST} {{\n\t{INSIDE.replace('WHAT', '')}\n\timport bastion {{\n\t\t{APP}\n\t}}\n}}\n")
    line = text[: text.rindex("import bastion {")].count("\n") + 1

    (found,) = linted(tmp_path, text, binaries)

    assert (found.finding.code, found.place) == ("again", f"{tmp_path}/Caddyfile:{line}")


def test_a_wrong_snippet_that_two_sites_import_is_one_finding(tmp_path: Path, binaries: Binaries) -> None:
    other = "b.example.com"
    wrong = snippet_text(Snippet(decision="unix//run/other.sock"))
    (tmp_path / "bastion.caddy").write_text(wrong)
    (tmp_path / "Caddyfile").write_text(whole(f"{WRAPPED}{WRAPPED.replace(HOST, other)}"))

    found = lint_caddyfile(read_caddyfile(tmp_path / "Caddyfile", binaries), policy(HOST, other), Snippet(), binaries)

    assert {one.finding.site for one in found} == {f"{HOST}, {other}"}
    assert len({one.finding.what for one in found}) == len(found)
    assert all(one.place.startswith(f"{tmp_path}/bastion.caddy:") for one in found)


@pytest.mark.parametrize("page", ["README.md", "docs/install.md", "docs/caddy.md"])
def test_the_caddyfiles_of_the_pages_give_no_warning(tmp_path: Path, binaries: Binaries, page: str) -> None:
    blocks = re.findall(r"```caddyfile\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    whole_ones = [block for block in blocks if "import bastion.caddy" in block]

    assert whole_ones
    for block in whole_ones:
        assert {one.finding.level for one in linted(tmp_path, block, binaries)} <= {Level.NOTE}
