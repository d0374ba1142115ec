"""A mailed link works for whoever reads it, so Caddy's access log has no token of one (login-defence.md L22)."""

import time

from tests.caddy.rig import Rig, Wish

LOGGED = "logged.localhost"
TOKEN = "s3cret-token-of-a-mailed-link-0123456789abcd"
WISH = Wish(
    hosts=(LOGGED,),
    sites=f"""
{LOGGED}:<port> {{
    tls internal
    log {{
        output file <files>/access.log
    }}
    import bastion_auth
}}
""",
)


def test_a_request_with_a_token_is_in_no_access_log_and_all_others_are(rig: Rig) -> None:
    for path in ("/reset", "/disown", "/email/confirm"):
        rig.fetch(LOGGED, f"{path}?t={TOKEN}")
        rig.fetch(LOGGED, f"{path}?x=1&t={TOKEN}&t=2")
    rig.fetch(LOGGED, "/end-of-links")

    log, deadline = rig.files / "access.log", time.monotonic() + 20
    while not log.exists() or "/end-of-links" not in log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert TOKEN not in log.read_text()
    assert len(rig.doubles.web.reached) == 7, "they reach the pages all the same"
