"""Whatever stands inside the wrapper is asked about, and nothing of it is reached when the gateway is not there."""

import time
from collections.abc import Iterator

import pytest

from tests.caddy.doubles import App, Decision
from tests.caddy.rig import APP, Got, Rig, Wish

PARTS = "parts.localhost"
STATIC = "static.localhost"
EMPTY = "empty.localhost"
BESIDE = "beside.localhost"
AWAY = "away.localhost"
WISH = Wish(
    hosts=(PARTS, STATIC, EMPTY, BESIDE, AWAY),
    sites=f"""
https://{PARTS}:<port> {{
	import bastion {{
		handle /api/* {{
			reverse_proxy <app>
		}}
		handle_path /stripped/* {{
			reverse_proxy <app>
		}}
		redir /old /new
		respond /said "from caddy" 200
		route /routed {{
			rewrite /rewritten
			reverse_proxy <app>
		}}
		handle /broken {{
			reverse_proxy unix//nowhere.sock
		}}
		handle /limited {{
			request_body {{
				max_size 10
			}}
			reverse_proxy <app>
		}}
	}}
	handle_errors {{
		respond "{{err.status_code}} of caddy"
	}}
}}
https://{STATIC}:<port> {{
	import bastion {{
		file_server
		root * <files>
		header X-Site here
		encode gzip
	}}
}}
https://{EMPTY}:<port> {{
	import bastion
}}
https://{BESIDE}:<port> {{
	import bastion
	reverse_proxy <app>
}}
https://{AWAY}:<port> {{
	import bastion {{
		handle /broken {{
			reverse_proxy unix//nowhere.sock
		}}
		reverse_proxy <app>
	}}
	import bastion_away
}}
""",
)


@pytest.fixture
def without_decision(rig: Rig) -> Iterator[Rig]:
    rig.doubles.stop_decision()
    yield rig
    rig.doubles.start_decision()


PLACES = [
    (PARTS, "/api/x"),
    (PARTS, "/stripped/x"),
    (PARTS, "/old"),
    (PARTS, "/said"),
    (PARTS, "/routed"),
    (PARTS, "/other"),
    (STATIC, "/page.html"),
    (STATIC, "/absent"),
    (EMPTY, "/"),
    (BESIDE, "/x"),
    (AWAY, "/x"),
    (APP, "/"),
]


@pytest.mark.parametrize(("host", "target"), PLACES)
def test_every_place_is_asked_about_as_the_client_named_it(
    rig: Rig, decision: Decision, app: App, host: str, target: str
) -> None:
    (rig.files / "page.html").write_text("a page")
    decision.status, decision.body = 403, b"no"

    got = rig.fetch(host, target)

    assert (got.status, got.body) == (403, b"no")
    assert [asked.one("X-Forwarded-Uri") for asked in decision.asked] == [target]
    assert not app.reached


@pytest.mark.parametrize(("host", "target"), PLACES)
def test_no_place_is_reached_without_the_gateway(without_decision: Rig, app: App, host: str, target: str) -> None:
    (without_decision.files / "page.html").write_text("a page")

    got = without_decision.fetch(host, target)

    assert got.status in (502, 503)
    assert b"page" not in got.body
    assert not app.reached


def test_a_gateway_that_hangs_is_not_waited_for(rig: Rig, decision: Decision, app: App) -> None:
    decision.delay_s = 6
    began = time.monotonic()

    got = rig.fetch(PARTS, "/api/x")

    assert (got.status, got.body) == (504, b"504 of caddy")
    assert time.monotonic() - began < 5
    assert not app.reached


def test_inside_the_wrapper_a_site_works_as_it_did_outside(rig: Rig, app: App) -> None:
    (rig.files / "page.html").write_text("a page")

    assert rig.fetch(PARTS, "/api/x").body == b"from the app"
    assert rig.fetch(PARTS, "/stripped/x").status == 200
    assert rig.fetch(PARTS, "/routed").status == 200
    assert [seen.target for seen in app.reached] == ["/api/x", "/x", "/rewritten"]
    assert rig.fetch(PARTS, "/old").one("Location") == "/new"
    assert rig.fetch(PARTS, "/said").body == b"from caddy"
    page = rig.fetch(STATIC, "/page.html")
    assert (page.body, page.one("X-Site")) == (b"a page", "here")
    assert rig.fetch(BESIDE, "/x").status == 404


def test_a_static_site_gets_the_headers_too(rig: Rig, decision: Decision) -> None:
    (rig.files / "page.html").write_text("a page")
    decision.allow(X_Bastion_Set_X_Frame_Options="DENY", X_Bastion_Private="1", X_Bastion_Set_Server="!")

    got = rig.fetch(STATIC, "/page.html")

    assert got.one("X-Frame-Options") == "DENY"
    assert got.one("Cache-Control") == "private, no-cache"
    assert not got.all("Server")


def test_where_the_wrapper_leads_nowhere_there_is_nothing(rig: Rig) -> None:
    assert rig.fetch(EMPTY).status == 404
    assert rig.fetch(PARTS, "/other").status == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", f"{APP}.", f"x.{APP}", f"{APP}:1:2", "*.localhost"])
def test_a_host_that_nobody_serves_is_told_so(rig: Rig, decision: Decision, app: App, host: str) -> None:
    """Caddy's own answer would be an empty 200."""
    answer = rig.say(APP, f"GET /x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())

    assert answer.startswith(b"HTTP/1.1 421 ")
    assert not decision.asked
    assert not app.reached


def test_an_app_that_is_down_is_said_to_be_down(rig: Rig) -> None:
    got = rig.fetch(PARTS, "/broken")

    assert (got.status, got.body) == (502, b"502 of caddy")


def test_a_refused_upload_is_not_read(rig: Rig, decision: Decision, app: App) -> None:
    """Caddy takes 256 KiB for courtesy, then answers and hangs up."""
    decision.status = 403
    head = f"POST /upload HTTP/1.1\r\nHost: {APP}:{rig.port}\r\nContent-Length: 2000000000\r\n\r\n"

    answer = rig.say(APP, head.encode() + b"x" * 300_000)

    assert answer.startswith(b"HTTP/1.1 403")
    assert b"Connection: close" in answer
    assert not app.reached


def test_an_upload_larger_than_the_site_allows_is_refused(rig: Rig, decision: Decision) -> None:
    got = rig.fetch(PARTS, "/limited", method="POST", body=b"x" * 1000)

    assert got.status == 413
    assert len(decision.asked) == 1


def is_a_page(got: Got) -> bool:
    told = (got.one("Retry-After"), got.one("Cache-Control"), got.one("Content-Type"))
    return told == ("5", "no-store", "text/plain; charset=utf-8") and b"Try again in a few seconds" in got.body


def test_who_comes_while_bastion_or_the_app_is_away_reads_a_page(rig: Rig, decision: Decision) -> None:
    decision.status = 200
    without_the_app = rig.fetch(AWAY, "/broken")
    rig.doubles.stop_decision()
    without_bastion = rig.fetch(AWAY, "/x")
    rig.doubles.start_decision()

    assert (without_the_app.status, without_bastion.status) == (502, 502)
    assert is_a_page(without_the_app)
    assert is_a_page(without_bastion)
