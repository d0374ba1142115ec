"""Real Caddyfiles, adapted by a real Caddy: each wrong one is named, each right one passes."""

import re
from pathlib import Path

import pytest

from gateway.core.caddy.snippet import Snippet, snippet_text
from gateway.embedded import Binaries
from tests.caddy.caddyfiles import (
    APP,
    AUTH,
    GLOBAL,
    HOST,
    NOBODY,
    OTHER_APP,
    WRAPPED,
    errors,
    linted,
    site,
    written,
)

BESIDE = {
    "handle": ("handle /api/* {\n\t\treverse_proxy 127.0.0.1:9\n\t}", "reverse_proxy 127.0.0.1:9 for path /api/*"),
    "handle_path": ("handle_path /v1/* {\n\t\treverse_proxy 127.0.0.1:9\n\t}", "rewrite /v1 for path /v1/*"),
    "route": ("route /hook {\n\t\treverse_proxy 127.0.0.1:9\n\t}", "reverse_proxy 127.0.0.1:9 for path /hook"),
    "map": ("map {path} {target} {\n\t\tdefault 127.0.0.1:9\n\t}", "map"),
    "rewrite": ("rewrite /open /admin", "rewrite /admin for path /open"),
    "method": ("method GET", "rewrite"),
    "header": ("header Access-Control-Allow-Origin *", "header"),
    "request_header": ("request_header -Cookie", "request_header"),
    "vars": ("vars bastion_remote_user admin", "vars"),
}


@pytest.mark.parametrize(("directive", "told"), BESIDE.values(), ids=list(BESIDE))
def test_what_stands_before_the_wrapper_is_named_with_its_line(
    tmp_path: Path, binaries: Binaries, directive: str, told: str
) -> None:
    file = written(tmp_path, site(directive))
    at = next(n for n, line in enumerate(file.read_text().splitlines(), 1) if line.strip() == f"{HOST} {{")

    found = errors(linted(file, binaries))

    assert any(f"{HOST}: {told} stands before the wrapper" in line for line in found), found
    assert all("[before, apps.http.servers.srv0.routes[" in line for line in found)
    places = [re.match(rf"{re.escape(str(file))}:(\d+): error: ", line) for line in found]
    assert all(place and at <= int(place[1]) <= at + directive.count("\n") + 1 for place in places), found


@pytest.mark.parametrize(
    ("directive", "told"),
    [
        ("reverse_proxy 127.0.0.1:9", "reverse_proxy 127.0.0.1:9"),
        ("php_fastcgi 127.0.0.1:9", "php_fastcgi 127.0.0.1:9 for path *.php"),
        ("file_server", "file_server"),
        ('respond /secret "text" 200', "respond 200 for path /secret"),
        ("metrics /metrics", "metrics for path /metrics"),
    ],
)
def test_what_stands_after_the_wrapper_is_named_too(
    tmp_path: Path, binaries: Binaries, directive: str, told: str
) -> None:
    found = errors(linted(written(tmp_path, site(directive)), binaries))

    assert any(f"{told} stands beside the wrapper" in line for line in found), found
    assert all("[beside, " in line or "[before, " in line for line in found)


def test_the_line_is_that_of_the_directive_outside_of_wrapper_and_error_pages(
    tmp_path: Path, binaries: Binaries
) -> None:
    """Each of them holds a proxy too, and stands earlier in the file."""
    inside = "import bastion {\n\t\treverse_proxy 127.0.0.1:1\n\t}"
    pages = "handle_errors {\n\t\treverse_proxy 127.0.0.1:2\n\t}"
    wrong = "handle /x {\n\t\treverse_proxy 127.0.0.1:3\n\t}"
    file = written(tmp_path, f"{HOST} {{\n\t{inside}\n\t{pages}\n\t{wrong}\n}}\n")
    lines = file.read_text().splitlines()
    at = {port: lines.index(f"\t\treverse_proxy 127.0.0.1:{port}") + 1 for port in (2, 3)}

    found = errors(linted(file, binaries))

    assert [line.split(": ")[0] for line in found] == [f"{file}:{at[3]}", f"{file}:{at[2]}"]


UNWRAPPED = {
    "a proxy": (f"{HOST} {{\n\t{APP}\n}}\n", "unwrapped", "reverse_proxy 127.0.0.1:8080 without any wrapper"),
    "files": (f"{HOST} {{\n\troot * /srv\n\tfile_server\n}}\n", "unwrapped", "file_server"),
    "php": (f"{HOST} {{\n\troot * /srv\n\tphp_fastcgi 127.0.0.1:9\n}}\n", "unwrapped", "php_fastcgi 127.0.0.1:9"),
    "nothing": (f"{HOST} {{\n}}\n", "unwrapped", "an empty answer without any wrapper"),
    "a second site": (f"{WRAPPED}{HOST}:8443 {{\n\t{APP}\n}}\n", "unwrapped", "reverse_proxy"),
    "a path as a site": (f"{WRAPPED}{HOST}/api/* {{\n\t{APP}\n}}\n", "unwrapped", "reverse_proxy"),
    "a wildcard": (f"*.example.com {{\n\t{APP}\n}}\n", "shadowed", f"*.example.com: this site answers for {HOST}"),
    "a handle for the host": (
        site(f"@h host {HOST}\n\thandle @h {{\n\t\t{APP}\n\t}}"),
        "unwrapped",
        "reverse_proxy",
    ),
    "bastion_auth": (f"{HOST} {{\n\timport bastion_auth\n}}\n", "snippet", "imports bastion_auth where bastion"),
    "one path only": (
        site(
            f"handle {{\n\t\t{APP}\n\t}}\n\thandle /api/* {{", wrapper="import bastion {\n\t\trequest_body 1MB\n\t}\n}"
        ),
        "before",
        "reverse_proxy 127.0.0.1:8080 stands before the wrapper",
    ),
}


@pytest.mark.parametrize(("sites", "code", "told"), UNWRAPPED.values(), ids=list(UNWRAPPED))
def test_a_site_of_policy_without_the_wrapper_is_named(
    tmp_path: Path, binaries: Binaries, sites: str, code: str, told: str
) -> None:
    found = errors(linted(written(tmp_path, sites), binaries))

    assert [line for line in found if f"[{code}, " in line and told in line] == found != []


def test_a_wildcard_of_policy_is_held_against_each_site(tmp_path: Path, binaries: Binaries) -> None:
    """Also against the one for the rest, and not against the auth host."""
    inside = f"import bastion {{\n\t\t{APP}\n\t}}"
    file = written(tmp_path, f"a.example.com {{\n\t{APP}\n}}\n*.example.com {{\n\t{inside}\n}}\n")

    found = errors(linted(file, binaries, "*.example.com"))

    assert len(found) == 1
    assert "a.example.com: " in found[0]


OLD_FORM = re.sub(r"^\troute \{\n(.*?)^\t\}\n", r"\1", snippet_text(Snippet()), count=1, flags=re.MULTILINE | re.DOTALL)


def test_the_snippet_without_its_route_is_no_wrapper(tmp_path: Path, binaries: Binaries) -> None:
    old = re.sub(r"^\t\thandle \{\n\t\t\t\{block\}\n\t\t\}\n\t\trespond 404\n", "", OLD_FORM, flags=re.MULTILINE)
    asked = "file_server"  # sorted after the question
    site = f"{HOST} {{\n\timport bastion\n\t{asked}\n\thandle /api/* {{\n\t\t{APP}\n\t}}\n}}\n"

    found = errors(linted(written(tmp_path, site, snippet=old), binaries))

    assert any("the request to Bastion is not inside `route`" in line for line in found)
    assert any("reverse_proxy 127.0.0.1:8080 for path /api/* stands before the wrapper" in line for line in found)
    assert not any(asked in line for line in found)


ERRORS = {
    "an app": "reverse_proxy 127.0.0.1:9",
    "files": "root * /srv\n\t\tfile_server",
    "php": "php_fastcgi 127.0.0.1:9",
    "an app on one path": "handle /api/* {\n\t\t\treverse_proxy 127.0.0.1:9\n\t\t}",
    "files of some errors": "root * /srv\n\t\trewrite /x /{err.status_code}.html\n\t\tfile_server",
    "files after one page": "root * /srv\n\t\tfile_server /page/*\n\t\trewrite /logo /{uri}",
    "files that the client names": "root * /srv\n\t\trewrite * /pages{uri}\n\t\tfile_server",
}


@pytest.mark.parametrize("block", ERRORS.values(), ids=list(ERRORS))
def test_an_app_behind_handle_errors_is_named(tmp_path: Path, binaries: Binaries, block: str) -> None:
    found = errors(linted(written(tmp_path, site(f"handle_errors {{\n\t\t{block}\n\t}}")), binaries))

    assert found
    assert all("stands in handle_errors" in line and "[errors, " in line for line in found), found


ELSEWHERE = [
    "https://other.example.org{uri}",
    "//other.example.org/",
    "http://example.org/x",
    "{http.request.header.X}",
]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_a_redirect_away_is_named(tmp_path: Path, binaries: Binaries, target: str) -> None:
    found = errors(linted(written(tmp_path, site(f"redir /x {target}")), binaries))

    assert len(found) == 1
    assert f"redir {target}".replace("{uri}", "{http.request.uri}") in found[0]
    assert "[elsewhere, " in found[0]


CLEAR = {
    "wrapped": f"http://{HOST} {{\n\timport bastion {{\n\t\t{APP}\n\t}}\n}}\n",
    "bare": f"http://{HOST} {{\n\t{APP}\n}}\n",
    "on another port": f"http://{HOST}:8000 {{\n\timport bastion {{\n\t\t{APP}\n\t}}\n}}\n",
    "for all hosts": f":80 {{\n\t{APP}\n}}\n",
}


@pytest.mark.parametrize("clear", CLEAR.values(), ids=list(CLEAR))
def test_an_app_in_clear_is_named(tmp_path: Path, binaries: Binaries, clear: str) -> None:
    found = errors(linted(written(tmp_path, WRAPPED + clear), binaries))

    assert found
    assert all("over plain HTTP" in line and "[clear-text, " in line for line in found), found


GLOBALS = {
    "early data": ("{\n\tadmin off\n}\n", "early-data", "`0rtt off`"),
    "early data by name": ("{\n\tadmin off\n\tservers :8443 {\n\t\t0rtt off\n\t}\n}\n", "early-data", "`0rtt off`"),
    "proxies": (
        GLOBAL.replace("0rtt off", "0rtt off\n\t\ttrusted_proxies static 192.0.2.0/24"),
        "proxies",
        "without trusted_proxies_strict",
    ),
    "no redirects": (GLOBAL.replace("admin", "auto_https disable_redirects\n\tadmin"), "no-redirect", HOST),
}


@pytest.mark.parametrize(("start", "code", "told"), GLOBALS.values(), ids=list(GLOBALS))
def test_a_wrong_server_is_named(tmp_path: Path, binaries: Binaries, start: str, code: str, told: str) -> None:
    found = errors(linted(written(tmp_path, WRAPPED, start=start), binaries))

    assert len(found) == 1
    assert told in found[0]
    assert f"[{code}, " in found[0]


@pytest.mark.parametrize(
    ("sites", "missing"), [("", HOST), (f"http://{HOST} {{\n\tredir https://{HOST}{{uri}}\n}}\n", HOST)]
)
def test_a_host_that_nobody_serves_is_named(tmp_path: Path, binaries: Binaries, sites: str, missing: str) -> None:
    found = errors(linted(written(tmp_path, sites), binaries))

    assert [f"no site asks Bastion about {missing}" in line for line in found] == [True]


def test_an_auth_host_without_its_site_is_named(tmp_path: Path, binaries: Binaries) -> None:
    file = written(tmp_path, WRAPPED)
    file.write_text(file.read_text().replace(AUTH, ""))

    found = errors(linted(file, binaries))

    assert [("auth.example.com" in line, "[missing, " in line) for line in found] == [(True, True)]


WARNED = {
    "admin": (GLOBAL.replace("admin off", "admin :2019"), WRAPPED, "the admin API listens on :2019"),
    "admin by default": (GLOBAL.replace("\tadmin off\n", ""), WRAPPED, "the admin API listens on localhost:2019"),
    "wide proxies": (
        GLOBAL.replace("0rtt off", "0rtt off\n\t\ttrusted_proxies static private_ranges\n\t\ttrusted_proxies_strict"),
        WRAPPED,
        "trusts 192.168.0.0/16, 172.16.0.0/12, 10.0.0.0/8",
    ),
    "quiet": (GLOBAL, site("encode gzip"), "encode stands before the wrapper"),
    "no bound": (GLOBAL, f"{HOST} {{\n\timport bastion {{\n\t\t{APP}\n\t}}\n}}\n", "takes bodies of any size"),
}


@pytest.mark.parametrize(("start", "sites", "told"), WARNED.values(), ids=list(WARNED))
def test_what_is_only_unwise_is_said_and_does_not_fail(
    tmp_path: Path, binaries: Binaries, start: str, sites: str, told: str
) -> None:
    found = linted(written(tmp_path, sites, start=start), binaries)

    assert errors(found) == []
    assert [told in str(one) for one in found] == [True]


def test_no_answer_for_unknown_hosts_is_said(tmp_path: Path, binaries: Binaries) -> None:
    file = written(tmp_path, WRAPPED)
    file.write_text(file.read_text().replace(NOBODY, ""))

    assert ["[catch-all, " in str(one) for one in linted(file, binaries)] == [True]


RIGHT = {
    "wrapped": WRAPPED,
    "everything inside": site(
        wrapper=f"""import bastion {{
        request_body {{
            max_size 1MB
        }}
        encode gzip
        redir /old https://elsewhere.example.org
        handle_path /static/* {{
            root * /srv
            file_server
        }}
        handle {{
            {APP}
        }}
    }}"""
    ),
    "what belongs beside": site(
        "tls internal",
        "log",
        "log_skip /health",
        "handle_errors {\n\t\trespond {err.status_code}\n\t}",
    ),
    "pages for errors": site(
        "handle_errors {\n\t\troot * /srv/errors\n\t\trewrite * /{err.status_code}.html",
        "templates\n\t\tfile_server\n\t}",
    ),
    "redirects": site("redir /old /new", f"redir /www https://{HOST}{{uri}}", "redir /login https://auth.example.com/"),
    "a wildcard with hosts inside": "*.example.com {\n\t@app host "
    + HOST
    + "\n\thandle @app {\n\t\timport bastion {\n\t\t\trequest_body {\n\t\t\t\tmax_size 1MB\n\t\t\t}\n\t\t\t"
    + APP
    + "\n\t\t}\n\t}\n\thandle {\n\t\tabort\n\t}\n}\n",
    "a host that is not of policy": f"{WRAPPED}other.example.org {{\n\t{OTHER_APP}\n}}\n",
    "a wildcard behind a site of its own": f"{WRAPPED}*.example.com {{\n\t{OTHER_APP}\n}}\n",
    "its own redirect": f"{WRAPPED}http://{HOST} {{\n\tredir https://{{host}}{{uri}} permanent\n}}\n",
    "a refusal beside": site("respond /internal/* 403"),
}


@pytest.mark.parametrize("sites", RIGHT.values(), ids=list(RIGHT))
def test_a_right_caddyfile_passes(tmp_path: Path, binaries: Binaries, sites: str) -> None:
    assert linted(written(tmp_path, sites), binaries) == ()


def test_a_wrapper_over_plain_http_behind_a_named_proxy_passes(tmp_path: Path, binaries: Binaries) -> None:
    start = GLOBAL.replace("0rtt off", "trusted_proxies static 192.0.2.0/24\n\t\ttrusted_proxies_strict")
    file = written(tmp_path, WRAPPED.replace(HOST, f"http://{HOST}"), start=start)
    file.write_text(file.read_text().replace("auth.example.com {", "http://auth.example.com {").replace(NOBODY, ""))

    assert errors(linted(file, binaries)) == []


@pytest.mark.parametrize(
    ("directive", "warned"),
    [
        ("reverse_proxy 127.0.0.1:8080", "reverse_proxy 127.0.0.1:8080"),
        ("handle /api/* {\n\t\treverse_proxy 127.0.0.1:9 127.0.0.1:8\n\t}", "reverse_proxy 127.0.0.1:9 127.0.0.1:8"),
        ("reverse_proxy 127.0.0.1:8080 {\n\t\tstream_timeout 0\n\t}", "reverse_proxy 127.0.0.1:8080"),
        ("reverse_proxy 127.0.0.1:8080 {\n\t\tstream_timeout 1s\n\t}", ""),
        ("php_fastcgi 127.0.0.1:9", ""),
        ("file_server", ""),
    ],
)
def test_a_proxy_without_an_end_for_websockets_is_warned_of(
    tmp_path: Path, binaries: Binaries, directive: str, warned: str
) -> None:
    file = written(tmp_path, WRAPPED.replace(APP, directive))
    at = next(n for n, line in enumerate(file.read_text().splitlines(), 1) if line.strip() == f"{HOST} {{")

    found = [str(one) for one in linted(file, binaries) if one.finding.code == "streams"]

    assert len(found) == bool(warned), found
    assert all(line.startswith(f"{file}:{at}: warning: {HOST}: {warned} has no stream_timeout: ") for line in found)
