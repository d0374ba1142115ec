"""What the snippet of version 2 leaves to the gateway: names, connections, and whether both understand each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.forward.answer import Answer
from gateway.core.forward.callback import Callback
from gateway.core.forward.check import conclude, prepare
from gateway.core.forward.names import MOST_TAKEN, ODD_CHARACTERS, REPLACED, TAKEN, is_taken, taken, to_delete
from gateway.core.forward.proxy import EARLIER, VERSION, proxy_of, said_by
from gateway.core.forward.request import Fields, request_of
from gateway.core.policy.header_sets import header_set, most_used
from gateway.core.policy.route import Routed
from tests.core.forward.setting import CONTEXT, HEADERS, NOW, POLICY, RANDOM, Case
from tests.identities import REMOTE

SAID = said_by(REMOTE, ())


def answer(*more: tuple[str, str], said: str | None = SAID, path: str = "/open/x", **changed: str) -> Answer:
    """To a stranger's question about a page that is open to all."""
    sent = dict(HEADERS) | {b"x-forwarded-uri": path.encode()}
    sent |= {name.replace("_", "-").encode(): value.encode() for name, value in changed.items()}
    headers = list(sent.items()) + [(name.encode(), value.encode()) for name, value in more]
    if said is not None:
        headers.append((b"X-Bastion-Snippet", said.encode()))
    found = prepare(request_of(Fields(headers)), CONTEXT, NOW * 1_000_000, RANDOM, 7)
    assert not isinstance(found, Callback)
    return found if isinstance(found, Answer) else conclude(found, None, NOW * 1_000_000)


def words(found: Answer) -> dict[str, str]:
    return {name: value for name, value in found.headers if name.startswith("X-Bastion-")}


@pytest.mark.parametrize("redis_answers", [True, False])
def test_a_known_header_set_is_one_word(redis_answers: bool) -> None:
    """It tells of a rate limit. Where none could be spent the headers are said one by one."""
    found = POLICY.find("wiki.example.org", "GET", "/open/x")
    assert isinstance(found, Routed)
    said = said_by(REMOTE, (found.route.header_set.name,))
    case = Case(path="/open/x", token=None, headers={"x-bastion-snippet": said}, answered=redis_answers)

    got = words(case.answer())

    assert got["X-Bastion-Allow"] == (found.route.header_set.name if redis_answers else "one-by-one")
    assert ("X-Bastion-Set-Referrer-Policy" in got) is not redis_answers
    assert ("X-Bastion-RateLimit" in got) is redis_answers


def test_an_origin_that_may_read_the_answer_is_said_header_by_header() -> None:
    found = POLICY.find("wiki.example.org", "GET", "/api/x")
    assert isinstance(found, Routed)
    said = {"x-bastion-snippet": said_by(REMOTE, (found.route.header_set.name,))}

    other = words(Case(path="/api/x", headers={**said, "origin": "https://other.example"}).answer())
    partner = words(Case(path="/api/x", headers={**said, "origin": "https://partner.example"}).answer())

    assert other["X-Bastion-Allow"] == found.route.header_set.name
    assert partner["X-Bastion-Allow"] == "one-by-one"
    assert partner["X-Bastion-Acao"] == "https://partner.example"


def test_header_sets_are_known_apart_by_what_they_say() -> None:
    one = header_set("strict", (("X-Bastion-Set-Server", "!"),), rated=True)

    assert header_set("strict", (("X-Bastion-Set-Server", "!"),), rated=True) == one
    others = [
        header_set("strict", (("X-Bastion-Set-Server", "x"),), rated=True),
        header_set("strict", (("X-Bastion-Set-Server", "!"),), rated=False),
        header_set("legacy", (("X-Bastion-Set-Server", "!"),), rated=True),
    ]
    assert len({one.name, *(other.name for other in others)}) == 4
    assert most_used([one, *others[:1] * 2, *others[1:2]])[0] == others[0]


def test_the_snippet_of_before_hears_what_it_heard() -> None:
    found = words(answer(("Remote-User", "evil"), said=None))

    assert "X-Bastion-Allow" not in found
    assert "X-Bastion-Taken" not in found
    assert found["X-Bastion-Cors"] == "1"


@pytest.mark.parametrize(
    "said",
    [
        "",
        "1;;",
        "3;Remote-User;",
        f"{VERSION}",
        f"{VERSION};Remote-User",
        f"{VERSION};;;",
        "2.0;;",
        "2;" + "x" * 3000 + ";",
        "two;;",
    ],
)
def test_a_snippet_of_a_version_that_is_not_known_is_told_so(said: str) -> None:
    found = answer(said=said, sec_fetch_mode="navigate", sec_fetch_dest="document")

    assert found.status == 503
    assert "another" not in words(found)
    assert b"update" in found.body
    assert "of a version that is not known" in found.reason


def test_a_snippet_that_hands_on_what_nobody_says_any_more_is_told_so() -> None:
    fits, fewer, more = (answer(said=said_by(names, ())) for names in (REMOTE, (), (*REMOTE, "X-WebAuth-User")))

    assert (fits.status, fewer.status, more.status) == (200, 200, 503)
    assert "X-WebAuth-User" in more.reason


FINE = {
    "nothing": {},
    "keep-alive": {"x_bastion_connection": "keep-alive"},
    "in capitals, several": {"x_bastion_connection": "Close,KEEP-ALIVE, upgrade"},
    "empty items": {"x_bastion_connection": " ,close, ,"},
    "a WebSocket": {"x_bastion_connection": "Upgrade", "x_bastion_upgrade": "WebSocket"},
    "trailers are welcome": {"x_bastion_connection": "TE, close"},
    "settings of HTTP/2": {"x_bastion_connection": "Upgrade, HTTP2-Settings", "x_bastion_upgrade": "websocket"},
    "over HTTP/2": {"x_forwarded_method": "CONNECT", "x_bastion_protocol": "HTTP/2.0 websocket"},
    "over HTTP/3": {"x_forwarded_method": "CONNECT", "x_bastion_protocol": "websocket "},
}
TRICKS = {
    "another token": {"x_bastion_connection": "close, Remote-User"},
    "another token first": {"x_bastion_connection": "cookie,close"},
    "two tokens in one": {"x_bastion_connection": "close cookie"},
    "so long that it is no matter": {"x_bastion_connection": "close," * 60},
    "another header of an upgrade": {"x_bastion_connection": "Upgrade, Sec-WebSocket-Key"},
    "no comma": {"x_bastion_upgrade": "websocket h2c"},
    "a parameter": {"x_bastion_upgrade": "websocket;h2c"},
    "no version": {"x_bastion_upgrade": "h2c/"},
    "only a version": {"x_bastion_upgrade": "websocket, /1"},
    "two versions": {"x_bastion_upgrade": "HTTP/2/0"},
    "so long that it is no list": {"x_bastion_upgrade": "h2c," * 65},
    "a tunnel": {"x_forwarded_method": "CONNECT", "x_bastion_protocol": "HTTP/2.0 "},
    "another protocol": {"x_forwarded_method": "CONNECT", "x_bastion_protocol": "HTTP/2.0 connect-udp"},
    "no word of it": {"x_forwarded_method": "CONNECT"},
}


@pytest.mark.parametrize("said", FINE.values(), ids=list(FINE))
def test_an_ordinary_connection_is_fine(said: dict[str, str]) -> None:
    found = answer(**said)

    assert (found.status, words(found)["X-Bastion-Taken"]) == (200, "nothing")


IGNORED = ["h2c", "H2C", "foo", "TLS/1.0", "HTTP/2.0, SHTTP/1.3, IRC/6.9, RTA/x11", "websocket, h2c", "h2c,websocket"]
IGNORED += ["websocket,websocket", "websocket/13", "websocket,", "\twebsocketx ,,", "h2c, " * 51]


@pytest.mark.parametrize("upgrade", IGNORED)
def test_an_upgrade_that_is_no_websocket_is_kept_from_the_app(upgrade: str) -> None:
    found = answer(x_bastion_connection="Upgrade, HTTP2-Settings", x_bastion_upgrade=upgrade)
    also = answer(("Remote-User", "x"), x_bastion_upgrade=upgrade)

    assert (found.status, words(found)["X-Bastion-Taken-1"]) == (200, "upgrade")
    assert [words(also)[f"X-Bastion-Taken-{number}"] for number in (1, 2)] == ["remote*", "upgrade"]


def test_an_upgrade_finds_room_among_what_is_taken_or_is_refused() -> None:
    single = [(name, "x") for name in TAKEN if not name.endswith("*")]

    fits = answer(*single[: MOST_TAKEN - 1], x_bastion_upgrade="h2c")
    over = answer(*single[:MOST_TAKEN], x_bastion_upgrade="h2c")

    assert (fits.status, over.status, over.outcome) == (200, 400, "refused")


def test_a_snippet_that_judges_by_itself_refuses_upgrades_by_itself() -> None:
    assert "X-Bastion-Taken" not in words(answer(said=None, x_bastion_upgrade="h2c"))


@pytest.mark.parametrize("said", TRICKS.values(), ids=list(TRICKS))
def test_a_trick_with_the_connection_is_refused(said: dict[str, str]) -> None:
    found = answer(**said)

    assert (found.status, found.outcome) == (400, "refused")
    assert found.reason.encode() in found.body


def test_what_must_not_reach_an_app_is_named_in_places_that_are_all_filled() -> None:
    found = words(answer(("Remote-User", "x"), ("X_Custom", "x"), ("Accept-Language", "x"), ("X-Real-IP", "x")))

    said = [found.pop(f"X-Bastion-Taken-{number}") for number in range(1, MOST_TAKEN + 1)]
    assert found["X-Bastion-Taken"] == "some"
    assert said == ["remote*", "*_*", "x-real-ip", *["x-bastion-none"] * (MOST_TAKEN - 3)]
    assert words(answer(("Accept-Language", "x"), ("X-Mine", "x")))["X-Bastion-Taken"] == "nothing"


def test_as_many_are_named_as_there_are_places_for() -> None:
    single = [name for name in TAKEN if not name.endswith("*")]

    fits = answer(*((name, "x") for name in single[:MOST_TAKEN]))
    over = answer(*((name, "x") for name in single[: MOST_TAKEN + 1]))

    assert (fits.status, over.status, over.outcome) == (200, 400, "refused")


def test_what_the_operator_lets_pass_is_not_named_and_its_family_is_named_one_by_one() -> None:
    passed = frozenset({b"x-forwarded-prefix"})

    assert taken([b"x-forwarded-prefix"], passed) == []
    assert taken([b"x-forwarded-prefix", b"x-forwarded-user", b"x-real-ip"], passed) == [
        b"x-forwarded-user",
        b"x-real-ip",
    ]
    assert taken([b"x-forwarded-user", b"x-forwarded-port"], frozenset()) == [b"x-forwarded*"]
    assert taken([b"x-forwarded-*"], passed) == [b"***"], "a name is no pattern"
    assert to_delete([b"X-Forwarded-Prefix"], passed) == to_delete([], frozenset())


def deletes(patterns: list[bytes], name: bytes) -> bool:
    """As Caddy reads what `request_header -` is given (modules/caddyhttp/headers, ApplyTo)."""
    for one in patterns:
        if one in (b"*", name):
            return True
        if one[:1] == b"*" and one[-1:] == b"*" and one[1:-1] in name:
            return True
        if one[:1] == b"*" and name.endswith(one[1:]):
            return True
        if one[-1:] == b"*" and name.startswith(one[:-1]):
            return True
    return False


NAME = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789-" + ODD_CHARACTERS), min_size=1, max_size=24)
FAMILY = st.sampled_from([name.rstrip("*").lower() for name in TAKEN])


@given(st.lists(st.one_of(NAME, st.builds(str.__add__, FAMILY, NAME), FAMILY), max_size=8))
def test_whatever_is_taken_is_deleted_and_nothing_that_is_harmless(names: list[str]) -> None:
    found = [name.encode() for name in names]

    patterns = taken([name for name in found if is_taken(name)], frozenset())

    kept = [name for name in found if not deletes(patterns, name)]
    assert b"*" not in patterns, "Caddy would take the Host away too"
    assert not [name for name in kept if is_taken(name)]
    assert [name for name in found if not is_taken(name) and name not in kept and name not in REPLACED] == []


@given(st.binary(max_size=60))
def test_whatever_a_snippet_says_is_read(said: bytes) -> None:
    proxy = proxy_of(said)

    assert proxy.version in (0, VERSION)
    assert proxy is not EARLIER
