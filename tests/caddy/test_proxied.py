"""Behind a CDN: what its client wrote into its headers is not what it says."""

from gateway.core.caddy.snippet import Snippet
from tests.caddy.doubles import App, Decision
from tests.caddy.rig import APP, AUTH, Rig, Wish
from tests.identities import X_AUTH_REQUEST

WISH = Wish(
    snippet=Snippet(identity=X_AUTH_REQUEST),
    servers="trusted_proxies static 127.0.0.0/8 10.0.0.0/8\ntrusted_proxies_strict",
)


def test_the_address_is_the_last_one_that_no_trusted_proxy_wrote(rig: Rig, decision: Decision, app: App) -> None:
    rig.fetch(APP, "/", ("X-Forwarded-For", "203.0.113.9, 198.51.100.7, 10.0.0.3"))

    assert decision.asked[0].one("X-Forwarded-For") == "198.51.100.7"
    assert app.reached[0].one("X-Forwarded-For") == "198.51.100.7, 127.0.0.1"


def test_several_lines_are_one_list(rig: Rig, decision: Decision) -> None:
    rig.fetch(APP, "/", ("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-For", "198.51.100.7"))

    assert decision.asked[0].one("X-Forwarded-For") == "198.51.100.7"


def test_an_address_that_is_none_leaves_the_proxys_own(rig: Rig, decision: Decision) -> None:
    rig.fetch(APP, "/", ("X-Forwarded-For", "nonsense, <script>"))

    assert decision.asked[0].one("X-Forwarded-For") == "127.0.0.1"


def test_host_and_scheme_are_those_that_caddy_serves(rig: Rig, decision: Decision, app: App) -> None:
    rig.fetch(APP, "/", ("X-Forwarded-Host", "public.example"), ("X-Forwarded-Proto", "gopher"))

    for seen in (decision.asked[0], app.reached[0]):
        assert seen.one("X-Forwarded-Host") == f"{APP}:{rig.port}"
        assert seen.one("X-Forwarded-Proto") == "https"


def test_the_auth_host_is_told_the_same(rig: Rig) -> None:
    lies = [("X-Forwarded-For", "203.0.113.9, 198.51.100.7"), ("X-Forwarded-Host", "a.example")]

    rig.fetch(AUTH, "/login", *lies, ("X-Forwarded-Proto", "gopher"))

    (seen,) = rig.doubles.web.reached
    assert seen.one("X-Forwarded-For") == "198.51.100.7"
    assert seen.one("X-Forwarded-Host") == f"{AUTH}:{rig.port}"
    assert seen.one("X-Forwarded-Proto") == "https"


def test_names_that_are_not_configured_are_taken_from_the_client_all_the_same(
    rig: Rig, decision: Decision, app: App
) -> None:
    decision.headers = [("Remote-User", "ada"), ("X-Auth-Request-User", "ada")]

    rig.fetch(APP, "/", ("Remote-User", "evil"), ("X-Auth-Request-User", "evil"))

    assert not app.reached[0].all("Remote-User")
    assert app.reached[0].one("X-Auth-Request-User") == "ada"
