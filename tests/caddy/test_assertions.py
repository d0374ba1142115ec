"""The assertion through Caddy: the app gets ours or none, whatever the client sent."""

from typing import Final

from gateway.core.caddy.snippet import Snippet
from tests.caddy.doubles import App, Decision
from tests.caddy.rig import APP, Rig, Wish

HEADER: Final = "X-Bastion-Assertion"
WISH: Final = Wish(snippet=Snippet(identity=("Remote-User", HEADER)))


def test_the_app_gets_ours_in_place_of_the_clients(rig: Rig, decision: Decision, app: App) -> None:
    decision.allow(X_Bastion_Assertion="e30.e30.ours")
    got = rig.fetch(APP, "/x", (HEADER, "e30.e30.forged"))
    decision.allow(X_Bastion_Assertion="")
    rig.fetch(APP, "/x", (HEADER, "e30.e30.forged"))

    assert app.reached[0].all(HEADER) == ["e30.e30.ours"]
    assert not any(app.reached[1].all(HEADER))
    assert not [name for name, _ in got.headers if name.lower().startswith("x-bastion")]
