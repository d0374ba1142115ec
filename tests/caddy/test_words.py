"""The short ways need a word of the gateway's: without it nothing passes that the gateway holds back."""

from typing import Final

import pytest

from gateway.core.caddy.snippet import Snippet
from gateway.core.forward.names import MOST_TAKEN
from gateway.core.policy.header_sets import header_set
from tests.caddy.doubles import IDENTITY, App, Decision, Pairs, RawApp
from tests.caddy.rig import APP, RAW, Rig, Wish
from tests.exhaustive import sampled
from tests.identities import BOTH

SET: Final = header_set("tried", (("X-Bastion-Set-X-Frame-Options", "DENY"), ("X-Bastion-Cors", "1")), rated=False)
WISH: Final = Wish(snippet=Snippet(identity=BOTH, header_sets=(SET,)))
NOTHING: Final = ("X-Bastion-Taken", "nothing")
SOME: Final = ("X-Bastion-Taken", "some")
LONG: Final = ("X-Bastion-Allow", "one-by-one")
SLOTS: Final = [(f"X-Bastion-Taken-{number}", "x-bastion-none") for number in range(1, MOST_TAKEN + 1)]
HOSTILE: Final[dict[str, Pairs]] = {
    "identity": [("Remote-User", "evil")],
    "a spelling of it": [("Remote_User", "evil"), ("Remote!User", "evil")],
    "connection": [("Connection", "close, Remote-User")],
    "upgrade": [("Connection", "Upgrade"), ("Upgrade", "h2c")],
    "words of ours": [NOTHING, LONG, ("X-Bastion-Snippet", "1;;"), ("X-Bastion-Answer", "1")],
}


SOME_HOSTILE = sampled(HOSTILE, 3)


@pytest.mark.parametrize("headers", [HOSTILE[one] for one in SOME_HOSTILE], ids=SOME_HOSTILE)
@pytest.mark.parametrize("trouble", ["down", "slow", "of another version"])
def test_a_gateway_that_can_not_be_asked_lets_nothing_through(
    rig: Rig, decision: Decision, app: App, raw: RawApp, trouble: str, headers: Pairs
) -> None:
    if trouble == "slow":
        decision.delay_s = 3.5
    elif trouble == "of another version":
        decision.words = []
    else:
        rig.doubles.stop_decision()
    try:
        got = [rig.fetch(host, "/", *headers) for host in (APP, RAW)]
    finally:
        if trouble == "down":
            rig.doubles.start_decision()

    assert {one.status for one in got} <= {400, 502, 504}
    assert not app.reached
    assert not raw.received


WORDS: Final[dict[str, tuple[Pairs, int]]] = {
    "all of them": ([LONG, NOTHING], 200),
    "the short way": ([("X-Bastion-Allow", SET.name), NOTHING], 200),
    "something to take away": ([LONG, SOME, *SLOTS], 200),
    "none": ([], 502),
    "no allow": ([NOTHING], 502),
    "an unknown allow": ([("X-Bastion-Allow", "another-12345678"), NOTHING], 502),
    "another spelling of one": ([("X-Bastion-Allow", SET.name.upper()), NOTHING], 502),
    "nothing said of names": ([LONG], 502),
    "an unknown word for names": ([LONG, ("X-Bastion-Taken", "Nothing")], 502),
    "names said twice": ([LONG, NOTHING, NOTHING], 502),
    "names said in two ways": ([LONG, NOTHING, SOME], 502),
    "nothing, and a rest": ([LONG, ("X-Bastion-Taken", "nothing,")], 502),
}


@pytest.mark.parametrize(("words", "status"), WORDS.values(), ids=list(WORDS))
def test_only_known_words_let_a_request_pass(rig: Rig, decision: Decision, app: App, words: Pairs, status: int) -> None:
    decision.words = words

    got = rig.fetch(APP)

    assert got.status == status
    assert len(app.reached) == (status == 200)
    assert not [name for name, _ in got.headers if name.lower().startswith("x-bastion")]


def test_the_short_way_says_what_the_long_way_says(rig: Rig, decision: Decision, app: App) -> None:
    app.headers = [
        ("X-Frame-Options", "SAMEORIGIN"),
        ("Access-Control-Allow-Origin", "*"),
        ("Set-Cookie", "__Host-bastion=x"),
    ]
    decision.words = [("X-Bastion-Allow", SET.name), NOTHING]
    short = rig.fetch(APP)
    decision.words = [LONG, NOTHING]
    decision.headers = [*IDENTITY.items(), *SET.block]
    long = rig.fetch(APP)

    different = {"Date"}
    assert sorted(pair for pair in short.headers if pair[0] not in different) == sorted(
        pair for pair in long.headers if pair[0] not in different
    )
    assert short.all("X-Frame-Options") == ["DENY"]


def test_what_the_gateway_names_is_deleted_and_nothing_else(rig: Rig, decision: Decision, app: App) -> None:
    slots = [("X-Bastion-Taken-1", "x-one"), ("X-Bastion-Taken-2", "x-two*"), ("X-Bastion-Taken-3", "*!*"), *SLOTS[3:]]
    decision.words = [LONG, SOME, *slots]

    rig.fetch(APP, "/", *((name, "x") for name in ("X-One", "X-One-More", "X-Two-More", "A!b", "X-Three")))

    (reached,) = app.reached
    assert [name for name in ("X-One", "X-One-More", "X-Two-More", "A!b", "X-Three") if reached.all(name)] == [
        "X-One-More",
        "X-Three",
    ]
