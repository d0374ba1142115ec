"""What Destination names is judged like the path, by the method and as PUT, and the harder answer wins."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.assurance.model import by_password
from gateway.core.forward.answer import Answer
from gateway.core.forward.check import conclude, prepare
from gateway.core.forward.decide import Ask
from gateway.core.forward.proxy import said_by
from gateway.core.forward.request import read_request
from gateway.core.policy.canonical import METHODS, TAKE_DESTINATION
from gateway.core.policy.compile import Site, compile_policy
from gateway.core.principal.ask import LoginFacts, Reply, Spent, Standing
from gateway.core.session.person import Person, seal
from tests.core.forward.setting import CONTEXT, HEADERS, KEYS, NOW, RANDOM, TAG, TOKEN, headers_of

HOST = "wiki.example.org"
POLICY = """
define: {limits: {shared: 9/min}}
apps:
  wiki:
    hosts: wiki.example.org
    allow: authenticated
    routes:
      own: {paths: /own/**, allow: anyone}
      other: {paths: /other/**, allow: anyone}
      read: {paths: /read/**, allow: anyone, methods: [GET, COPY, MOVE]}
      write: {paths: /write/**, allow: anyone, methods: [PUT]}
      staff: {paths: /staff/**, allow: {groups: staff}}
      fresh: {paths: /fresh/**, require: {authenticated_within: 10m}}
      fresher: {paths: /fresher/**, require: {authenticated_within: 5m}}
      never: {paths: /never/**, allow: nobody}
      odd: {paths: /odd/**, allow: anyone, path_accepts: [double_slash]}
      post: {paths: /post/**, allow: {groups: staff}, cross_origin: allow}
      few: {paths: /few/**, allow: anyone, limits: [shared, 5/min]}
      free: {paths: /free/**, allow: anyone, limits: none}
      few2: {paths: /few2/**, allow: anyone, limits: shared}
"""
CURRENT = replace(CONTEXT, policy=compile_policy({"p.yaml": POLICY}, Site("auth.example.org")))
SAME = {"origin": f"https://{HOST}", "sec-fetch-site": "same-origin"}
SNIPPET = said_by(tuple(CONTEXT.people.names), ())


def asked(
    *destinations: str, path: str = "/own/a", method: str = "MOVE", signed_in: bool = False, **headers: str
) -> Answer | Ask:
    sent = [(name, value) for name, value in HEADERS if name not in (b"x-forwarded-uri", b"x-forwarded-method")]
    sent += [(b"x-forwarded-uri", path.encode()), (b"x-forwarded-method", method.encode())]
    sent += [(b"x-bastion-snippet", SNIPPET.encode())]
    sent += [(b"Destination", destination.encode("latin-1")) for destination in destinations]
    sent += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    if signed_in:
        sent += [(b"cookie", f"__Host-bastion={TOKEN.text}".encode())]
    found = prepare(read_request(sent), CURRENT, NOW * 1_000_000, RANDOM, 7)
    assert isinstance(found, Answer | Ask)
    return found


def answered(found: Answer | Ask, *groups: str, since_s: int = 60, spent: bool = False, lost: bool = False) -> Answer:
    if isinstance(found, Answer):
        return found
    if lost:
        return conclude(found, None, NOW * 1_000_000)
    presented, spends = found.question.presented, found.question.spends
    states = tuple(Spent(not spent, 1_000_000 if spent else 0, 5, 1_000_000) for _ in spends)
    facts = LoginFacts(by_password(NOW - since_s), NOW + 1000, NOW + 600)
    sealed = seal(KEYS.person, TAG, Person(UUID(int=1), "ada", "Ada", "", groups, 1), b"n" * 12)
    live = (Standing.LIVE, sealed, facts) if presented else (Standing.NOT_ASKED, b"", None)
    outcome, person, known = live
    login = presented.login if presented else ""
    return conclude(found, Reply(7, login, NOW * 1_000_000, outcome, person, known, None, states), NOW * 1_000_000)


def status(destination: str, path: str = "/own/a", method: str = "MOVE") -> int:
    return answered(asked(destination, path=path, method=method)).status


@pytest.mark.parametrize("method", sorted(TAKE_DESTINATION))
@pytest.mark.parametrize("to", ["/own/b", "/other/b", f"https://{HOST}/other/b", f"HTTPS://{HOST.upper()}:443/own/b?x"])
def test_who_may_write_in_both_places_may_move_between_them(method: str, to: str) -> None:
    assert status(to, method=method) == 200
    assert "Destination" not in headers_of(answered(asked(to, method=method))).values()


@pytest.mark.parametrize("method", sorted(TAKE_DESTINATION))
@pytest.mark.parametrize(
    ("to", "refused"),
    {
        f"https://{HOST}/private/secret.txt": 401,
        "/private/x": 401,
        "/private/x?y=/own/": 401,
        "/never/x": 403,
        f"https://{HOST}/never/x": 403,
        "/own/%2e%2e/private/x": 400,
        "/own/../private/x": 400,
        f"https://{HOST}/own/..%2fprivate/x": 400,
        "/own/%252e%252e/private/x": 400,
        "/%70rivate/x": 401,
        "/own/..;/private/x": 400,
        "/own//x": 400,
        "/Never/x": 400,
        "/own/x%0d%0a": 400,
        "/own/%zz": 400,
        "//private/x": 400,
        "/\\private/x": 400,
        "": 400,
        "own/b": 400,
        "../private/x": 400,
        "*": 400,
        " /own/b": 400,
        "/own/b c": 400,
        "/own/b#/private/x": 400,
        "/own/\xe9": 400,
        "<https://wiki.example.org/own/b>": 400,
        f"https://{HOST}": 400,
        f"https:/{HOST}/own/b": 400,
        f"https://ada@{HOST}/own/b": 400,
        f"https://{HOST}\\@evil.example/own/b": 400,
        f"https://{HOST}./own/b": 400,
        "https://127.0.0.1/own/b": 400,
        "https://[::1]/own/b": 400,
        "https:///own/b": 400,
        f"ftp://{HOST}/own/b": 400,
        "https://other.example.org/own/b": 403,
        f"http://{HOST}/own/b": 403,
        f"https://{HOST}:8443/own/b": 403,
        f"https://{HOST}:80/own/b": 403,
        "/.bastion/x": 403,
        "/read/x": 403,
        "/write/x": 403,
    }.items(),
)
def test_what_a_direct_put_may_not_a_destination_may_not(method: str, to: str, refused: int) -> None:
    answer = answered(asked(to, method=method))

    assert answer.status == refused
    assert "Allow" not in headers_of(answer)


@pytest.mark.parametrize("second", ["/own/b", "/own/c", "/private/x"])
def test_more_than_one_is_refused(second: str) -> None:
    assert answered(asked("/own/b", second)).status == 400
    assert answered(asked(f"/own/b, {second}")).status == 400
    assert answered(asked("/own/b", DESTINATION=second)).status == 400


def test_the_harder_answer_wins() -> None:
    def told(to: str, path: str, *groups: str, since_s: int = 60) -> tuple[int, str, str]:
        answer = answered(asked(to, path=path, signed_in=True, **SAME), *groups, since_s=since_s)
        return answer.status, answer.route, headers_of(answer).get("WWW-Authenticate", "").rpartition(" ")[2]

    assert told("/staff/x", "/x", "staff")[:2] == (200, "wiki/rest")
    assert told("/staff/x", "/x")[:2] == (403, "wiki/staff")
    assert told("/x", "/staff/x")[:2] == (403, "wiki/staff")
    assert told("/never/x", "/fresh/x", since_s=3600)[:2] == (403, "wiki/never")
    assert told("/fresh/x", "/x", since_s=3600) == (401, "wiki/fresh", "max_age=600")
    assert told("/fresher/x", "/fresh/x", since_s=3600) == (401, "wiki/fresher", "max_age=300")
    assert told("/fresh/x", "/fresher/x", since_s=3600) == (401, "wiki/fresher", "max_age=300")
    assert told("/fresher/x", "/fresh/x", since_s=400) == (401, "wiki/fresher", "max_age=300")
    assert told("/fresher/x", "/fresh/x", since_s=300)[0] == 200


def test_a_session_that_only_the_destination_needs_is_asked_for_in_the_same_call() -> None:
    found = asked("/staff/x", signed_in=True, **SAME)

    assert isinstance(found, Ask)
    assert found.question.presented is not None
    assert answered(found, "staff").status == 200
    assert "Remote-User" not in {name for name, value in answered(found, "staff").headers if value == "ada"}
    assert answered(found, "guests").status == 403
    assert answered(found, lost=True).status == 503


def test_the_budgets_of_both_are_spent_once_each() -> None:
    def names(to: str, path: str) -> list[str]:
        found = asked(to, path=path)
        assert isinstance(found, Ask)
        return [spend.limit.name for spend in found.question.spends]

    assert names("/own/b", "/own/a") == ["GENERAL.STRANGER"]
    assert names("/few/b", "/own/a") == ["GENERAL.STRANGER", "shared", "wiki/few#2"]
    assert names("/few/b", "/few2/a") == ["shared", "wiki/few#2"]
    assert answered(asked("/few/b"), spent=True).status == 429


def test_another_site_can_move_nothing_by_a_session() -> None:
    """The request's own path is open to everybody, or takes what other sites send; its destination is not."""
    foreign = {"origin": "https://evil.example", "sec_fetch_site": "cross-site"}

    assert answered(asked("/staff/x", path="/post/x", signed_in=True, **foreign), "staff").status == 403
    assert answered(asked("/staff/x", path="/own/x", signed_in=True, **foreign), "staff").status == 403
    assert answered(asked("/post/x", path="/post/x", signed_in=True, **foreign), "staff").status == 200


def test_early_data_moves_nothing_that_counts() -> None:
    """The path's own route asks for nobody and has no limit."""
    assert answered(asked("/private/x", early_data="1")).status == 425
    assert answered(asked("/private/x", path="/free/x", early_data="1")).status == 425
    assert answered(asked("/few2/x", path="/free/x", early_data="1")).status == 425
    assert answered(asked("/free/y", path="/free/x", early_data="1")).status == 200


def test_a_route_may_accept_what_is_odd_of_a_destination_too() -> None:
    assert status("/odd/x//y") == 200
    assert status(f"https://{HOST}/odd/x//y") == 200


@pytest.mark.parametrize("method", sorted(METHODS - TAKE_DESTINATION))
def test_other_methods_lose_the_header_and_are_judged_as_without_it(method: str) -> None:
    with_it, without = answered(asked("/never/x", method=method)), answered(asked(method=method))

    assert (with_it.status, with_it.route) == (without.status, without.route) == (200, "wiki/own")
    taken = {value for name, value in with_it.headers if name.startswith("X-Bastion-Taken")}
    assert "destination" in taken
    assert "destination" not in {value for _name, value in without.headers}


@pytest.mark.parametrize("method", sorted(TAKE_DESTINATION))
def test_without_a_destination_there_is_one_question(method: str) -> None:
    found = asked(method=method)

    assert isinstance(found, Ask)
    assert found.others == ()
    assert answered(found).status == 200


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30), st.sampled_from(["", f"https://{HOST}"])
)
def test_no_destination_passes_that_a_direct_put_would_not(path: str, origin: str) -> None:
    moved = answered(asked(f"{origin}/{path}"))
    put = answered(asked(path=f"/{path.partition('#')[0]}", method="PUT"))

    assert moved.status != 200 or put.status == 200
