"""Profiles of response headers become a constant block, which never splits a response."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.policy.compile import PolicyRejected, Site, compile_policy
from gateway.core.policy.headers import SET_HEADERS
from tests.core.policy.build import HOST, app, policy_of, routed

CSP = "X-Bastion-Set-Content-Security-Policy"
ADD = "X-Bastion-Add-Content-Security-Policy"
FRAMES = "X-Bastion-Set-X-Frame-Options"


def block(headers: str, settings: str = "allow: anyone") -> dict[str, str]:
    return dict(routed(app(f"{settings}, headers: {headers}"), "/").route.response_block)


def test_the_default_is_legacy_which_leaves_the_apps_policy() -> None:
    found = dict(routed(app("allow: anyone"), "/").route.response_block)

    assert found == block("legacy")
    assert found == {
        "X-Bastion-Set-Strict-Transport-Security": "max-age=31536000",
        "X-Bastion-Set-X-Content-Type-Options": "nosniff",
        "X-Bastion-Set-Referrer-Policy": "strict-origin-when-cross-origin",
        FRAMES: "SAMEORIGIN",
        "X-Bastion-Set-Server": "!",
        "X-Bastion-Set-X-Powered-By": "!",
        ADD: "frame-ancestors 'self'",
    }


def test_strict_sets_a_policy_of_its_own() -> None:
    found = block("strict")

    assert found[CSP].startswith("default-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'")
    assert found[CSP].endswith("; frame-ancestors 'self'")
    assert ADD not in found


def test_off_leaves_everything_to_the_app() -> None:
    assert block("off") == {}


def test_nearer_wins_header_by_header_and_directive_by_directive() -> None:
    policy = policy_of(
        f"""
define:
  headers:
    base: {{extends: strict, csp: {{script-src: [self, unsafe-eval]}}, coop: app, corp: remove, remove: Server}}
    near: {{extends: base, csp: {{img-src: [self, data, blob]}}, referrer_policy: origin}}
apps: {{a: {{hosts: {HOST}, allow: anyone, headers: near}}}}
"""
    )

    found = dict(routed(policy, "/").route.response_block)

    assert "script-src 'self' 'unsafe-eval'" in found[CSP]
    assert "img-src 'self' data: blob:" in found[CSP]
    assert "default-src 'self'" in found[CSP]
    assert found["X-Bastion-Set-Referrer-Policy"] == "origin"
    assert "X-Bastion-Set-Cross-Origin-Opener-Policy" not in found
    assert found["X-Bastion-Set-Cross-Origin-Resource-Policy"] == "!"
    assert found["X-Bastion-Set-Server"] == "!"
    assert "X-Bastion-Set-X-Powered-By" not in found


@pytest.mark.parametrize(
    ("written", "header", "value"),
    [
        ("{csp: {default-src: none}}", CSP, "default-src 'none'; frame-ancestors 'self'"),
        (
            "{csp: {connect-src: [self, wss, https://x.example:8443/y]}}",
            CSP,
            "connect-src 'self' wss: https://x.example:8443/y; frame-ancestors 'self'",
        ),
        (
            "{csp: {upgrade-insecure-requests: true, sandbox: [allow-forms]}}",
            CSP,
            "upgrade-insecure-requests; sandbox allow-forms; frame-ancestors 'self'",
        ),
        (
            "{csp: {require-trusted-types-for: script}}",
            CSP,
            "require-trusted-types-for 'script'; frame-ancestors 'self'",
        ),
        ("""{csp: "default-src 'self';  IMG-SRC  *"}""", CSP, "default-src 'self'; img-src *; frame-ancestors 'self'"),
        ("{csp: remove}", CSP, "frame-ancestors 'self'"),
        ("{csp: remove, frame_ancestors: app}", CSP, "!"),
        ("{extends: strict, csp: app}", ADD, "frame-ancestors 'self'"),
        (
            "{csp_report_only: {default-src: self, report-uri: 'https://c.example/r'}}",
            CSP + "-Report-Only",
            "default-src 'self'; report-uri https://c.example/r",
        ),
        ("{csp_report_only: remove}", CSP + "-Report-Only", "!"),
        ("{frame_ancestors: none}", FRAMES, "DENY"),
        ("{frame_ancestors: none}", ADD, "frame-ancestors 'none'"),
        ("{frame_ancestors: [self, https://portal.example]}", FRAMES, "!"),
        ("{frame_ancestors: [self, https://portal.example]}", ADD, "frame-ancestors 'self' https://portal.example"),
        (
            "{hsts: {max_age: 1d, subdomains: true, preload: true}}",
            "X-Bastion-Set-Strict-Transport-Security",
            "max-age=86400; includeSubDomains; preload",
        ),
        ("{hsts: remove}", "X-Bastion-Set-Strict-Transport-Security", "!"),
        ("{content_type_options: remove}", "X-Bastion-Set-X-Content-Type-Options", "!"),
        ("{coep: require-corp}", "X-Bastion-Set-Cross-Origin-Embedder-Policy", "require-corp"),
        (
            "{permissions_policy: {camera: none, fullscreen: [self, https://x.example], usb: all}}",
            "X-Bastion-Set-Permissions-Policy",
            'camera=(), fullscreen=(self "https://x.example"), usb=*',
        ),
    ],
)
def test_a_profile_is_written_as_headers(written: str, header: str, value: str) -> None:
    assert block(written)[header] == value


@pytest.mark.parametrize("written", ["{hsts: app}", "{content_type_options: app}", "{referrer_policy: app}"])
def test_app_leaves_what_the_app_sends(written: str) -> None:
    assert len(block(written)) == len(block("legacy")) - 1


def test_plain_http_is_never_told_to_be_https() -> None:
    policy = compile_policy(
        {"p.yaml": f"apps: {{a: {{hosts: {HOST}, allow: anyone, headers: strict}}}}"},
        Site("auth.t.example", "http", 8080),
    )

    assert "X-Bastion-Set-Strict-Transport-Security" not in dict(policy.routes[0].response_block)


@pytest.mark.parametrize(
    ("settings", "private"),
    [
        ("allow: anyone", False),
        ("allow: [anyone, {groups: x}]", True),
        ("allow: authenticated", True),
        ("allow: {networks: 10.0.0.0/8}", True),
        ("allow: anyone, deny: {networks: 10.0.0.0/8}", True),
        ("allow: anyone, identity: optional", True),
        ("allow: nobody", True),
    ],
)
def test_what_not_everybody_may_have_is_not_kept_for_others(settings: str, private: bool) -> None:
    assert ("X-Bastion-Private" in block("off", settings)) == private


TEXT = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(["a\r\nX: y", "x; y", "'self'", 'a"b', "é"])


@given(
    TEXT,
    st.sampled_from(
        [
            "csp: {{img-src: {}}}",
            "csp: {}",
            "frame_ancestors: {}",
            "csp: {{report-uri: {}}}",
            "permissions_policy: {{usb: {}}}",
        ]
    ),
)
def test_no_value_of_a_header_ever_splits_a_response(text: str, place: str) -> None:
    quoted = '"' + "".join(f"\\U{ord(one):08x}" for one in text) + '"'
    try:
        found = block("{" + place.format(quoted) + "}")
    except PolicyRejected:
        return

    for name, value in found.items():
        assert name.removeprefix("X-Bastion-Set-") in SET_HEADERS or name == ADD
        assert value.isascii()
        assert value.isprintable()
        assert value == value.strip()
