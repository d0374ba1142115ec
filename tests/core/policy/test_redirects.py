"""Where people are sent back to: what a client may name, and what of that an app may ask for."""

import contextlib
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.policy.compile import PolicyRejected, Site, compile_policy
from tests.core.policy.clients import APP, SPA, WEB, client_of, said, text


@pytest.mark.parametrize(
    ("client", "uri", "message"),
    [
        (WEB, "http://w.example/cb", "is not over https; expected https:// for type web"),
        (WEB, "http://127.0.0.1/cb", "is not over https"),
        (WEB, "org.example.app:/cb", "is not over https"),
        (WEB, "javascript:alert(1)", "is not over https"),
        (WEB, "HTTPS://w.example/cb", "is not over https"),
        (WEB, "https://*.example/cb", "has a wildcard; expected it to the letter"),
        (WEB, "https://w.example/*", "has a wildcard"),
        (WEB, "https://w.example/cb#x", "has a fragment; expected none; write https://w.example/cb"),
        (WEB, "https://ada:x@w.example/cb", "with a user name or password"),
        (WEB, "https://W.example/cb", "is not as browsers write a host"),
        (WEB, "https://w.example:/cb", "is not as browsers write a host"),
        (WEB, "https://w.example:x/cb", "is not as browsers write a host"),
        (WEB, "https://[w/cb", "is no URI"),
        (WEB, "https://w.example\\\\x/cb", "is not as browsers write a host"),
        (WEB, "https:///cb", "is not as browsers write a host"),
        (WEB, "https://w.example", "has no path; expected one; write https://w.example/"),
        (WEB, "https://w.example/a b", "visible ones of ASCII"),
        (WEB, "https://w.example/é", "visible ones of ASCII"),
        (WEB, f"https://w.example/{'x' * 500}", "a redirect URI of 518 characters; expected at most 500"),
        (WEB, "", "nothing; expected a URI"),
        (APP, "http://n.example/cb", "is over http; expected https://, or http://127.0.0.1/callback"),
        (APP, "http://127.0.0.1.n.example/cb", "is over http"),
        (APP, "http://127.0.0.1@n.example/cb", "is over http"),
        (APP, "http://localhost:3000/cb", "trusts whoever answers for the name localhost"),
        (APP, "http://localhost:3000/cb", "expected an address; write http://127.0.0.1:3000/cb"),
        (APP, "mailapp:/cb", "has a scheme that any app can take; expected a reversed domain name"),
        (APP, "javascript:alert(1)", "has a scheme that any app can take"),
        (APP, "org.example.app:cb", "has a scheme that any app can take"),
    ],
)  # fmt: skip
def test_a_redirect_uri_that_is_refused(client: str, uri: str, message: str) -> None:
    listed = f'redirect_uris: "{uri}"'
    written = client.replace("redirect_uris: https://w.example/cb", listed)
    assert message in said(written) if written != client else message in said(client, listed)


@pytest.mark.parametrize(
    ("client", "uri"),
    [
        (WEB, "https://w.example:8443/cb?from=bastion"),
        (SPA, "https://n.example/"),
        (APP, "https://n.example/cb"),
        (APP, "http://127.0.0.1:8000/cb"),
        (APP, "http://127.0.0.1"),
        (APP, "http://[::1]/cb"),
        (APP, "org.example.app:/cb"),
        (APP, "org.example.app://cb/x"),
    ],
)
def test_a_redirect_uri_that_is_taken(client: str, uri: str) -> None:
    written = client.replace("redirect_uris: https://w.example/cb", "").replace(
        "redirect_uris: https://n.example/cb", ""
    )
    assert client_of(written.replace(", ,", ","), f'redirect_uris: "{uri}"').redirect_uris == (uri,)


def test_the_same_redirect_twice_and_too_many() -> None:
    many = ", ".join(f"https://w.example/{number}" for number in range(21))
    at = "redirect_uris: https://w.example/cb"

    assert "again; expected each once" in said(
        WEB.replace(at, "redirect_uris: [https://w.example/a, https://w.example/a]")
    )
    assert "21 redirect_uris; expected at most 20" in said(WEB.replace(at, f"redirect_uris: [{many}]"))


def test_http_is_taken_where_bastion_itself_is_reached_over_it() -> None:
    written = WEB.replace("https://w.example/cb", "http://w.localhost:8080/cb")
    policy = compile_policy({"p.yaml": text(written)}, Site("auth.localhost", "http", 8080))

    assert policy.clients["c"].allows_redirect("http://w.localhost:8080/cb")


@pytest.mark.parametrize(
    ("uri", "allowed"),
    [
        ("https://n.example/cb", True),
        ("https://n.example/cb/", False),
        ("https://n.example/cb?x=1", False),
        ("https://n.example:443/cb", False),
        ("https://N.example/cb", False),
        ("https://n.example/CB", False),
        ("http://127.0.0.1/cb", True),
        ("http://127.0.0.1:49152/cb", True),
        ("http://127.0.0.1:49152/cb?x=1", False),
        ("http://127.0.0.1:49152/other", False),
        ("http://127.0.0.1:49152/cb#x", False),
        ("http://127.0.0.1:/cb", False),
        ("http://127.0.0.1:x@n.example/cb", False),
        ("http://[::1]:49152/cb", False),
        ("http://localhost:49152/cb", False),
        ("https://127.0.0.1:49152/cb", False),
        ("org.example.app:/cb", True),
        ("org.example.app:/cb2", False),
        ("", False),
    ],
)
def test_a_native_app_is_sent_back_to_its_uris_and_any_loopback_port(uri: str, *, allowed: bool) -> None:
    uris = "redirect_uris: ['https://n.example/cb', 'http://127.0.0.1/cb', 'org.example.app:/cb']"
    assert client_of(APP, uris).allows_redirect(uri) is allowed


def test_no_port_of_a_web_app_is_free() -> None:
    policy = compile_policy(
        {"p.yaml": text(WEB.replace("https://w.example/cb", "http://127.0.0.1/cb"))}, Site("a.localhost", "http", 80)
    )

    assert policy.clients["c"].allows_redirect("http://127.0.0.1/cb")
    assert not policy.clients["c"].allows_redirect("http://127.0.0.1:8000/cb")


BEGINNINGS = ("https://w.example", "https://", "http://127.0.0.1", "http://[::1]", "http://", "org.example:/", "")
PARTS = ("w.example", "127.0.0.1", "localhost", "javascript:", "cb", "x=1", "W", "é", "..", "%2f", *"@:/*#?8")
URIS = st.builds("{}{}".format, st.sampled_from(BEGINNINGS), st.lists(st.sampled_from(PARTS), max_size=5).map("".join))


@given(st.sampled_from([WEB, SPA, APP]), URIS)
def test_whatever_is_taken_leads_where_it_says(client: str, uri: str) -> None:
    written = client.replace(", redirect_uris: https://w.example/cb", "").replace(
        ", redirect_uris: https://n.example/cb", ""
    )
    with contextlib.suppress(PolicyRejected):
        found = client_of(written, f'redirect_uris: "{uri}"')
        (taken,) = found.redirect_uris
        parts = urlsplit(taken)

        assert found.allows_redirect(taken)
        assert not found.allows_redirect(f"{taken}x")
        assert not {*"*#@ "} & {*parts.netloc}
        assert not parts.fragment
        assert parts.scheme == "https" or found.type == "native"
        assert parts.scheme != "http" or parts.hostname in ("127.0.0.1", "::1")
        assert parts.scheme in ("http", "https") or "." in parts.scheme
