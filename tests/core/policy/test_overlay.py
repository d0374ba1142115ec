"""What an emergency lays over a policy: closed apps stay closed, and people need a second factor (ui.md U4)."""

from dataclasses import replace

import pytest

from gateway.core.assurance.model import NO_PROOF
from gateway.core.policy.compile import compile_policy
from gateway.core.policy.facts import Actor, Allow, Facts, Login, StepUp
from gateway.core.policy.model import Policy
from gateway.core.policy.overlay import NO_OVERLAY, ClosedApp, Overlay, closing, hosts_of
from gateway.core.policy.route import CLOSED, NOT_AMONG_THEM, UNPROVEN
from tests.core.policy.build import HOST, NOW, SITE, judged, policy_of, routed, who

SHARED = """
apps:
  wiki:
    hosts: [a.t.example, "*.wiki.t.example"]
    cors: app
    routes:
      page: {paths: /**, allow: {groups: staff}, limits: {rate: 1/min}}
      open: {paths: /open/**, allow: anyone}
  files: {hosts: a.t.example, routes: {all: {paths: /files/**, allow: anyone}}}
  other: {hosts: b.t.example, allow: anyone}
"""
ASKS = f"""
define: {{key_scopes: {{read: authenticated}}}}
apps:
  a:
    hosts: {HOST}
    credentials: [session, bearer, api_key]
    routes:
      page: {{paths: /page, allow: [authenticated, {{scopes: read}}]}}
      office: {{paths: /office, allow: {{networks: 203.0.113.0/24}}}}
      known: {{paths: /known, allow: anyone, identity: optional, credentials: session}}
"""


def laid(text: str, overlay: Overlay) -> Policy:
    return compile_policy({"p.yaml": text}, SITE, overlay=overlay)


def closed(text: str, name: str, words: str = "") -> Overlay:
    found = closing(policy_of(text), name, words)
    assert found is not None
    return Overlay((found,))


def test_a_closed_app_lets_nobody_in_spends_nothing_and_asks_nobody() -> None:
    policy = laid(SHARED, closed(SHARED, "wiki", "Back at noon."))

    for path in ("/", "/open/x"):
        route = routed(policy, path).route
        assert judged(policy, path, who("staff", mfa_s=0)) is CLOSED
        assert not route.asks_people
        assert (route.limits, route.anonymous_limits, route.token_limits) == ((), (), ())
        assert (route.respond.denied, route.respond.message, route.cors) == (503, "Back at noon.", "none")
    assert isinstance(judged(policy, "/files/x"), Allow)
    assert isinstance(routed(policy, "/", host="b.t.example").route.judge(Facts(None, None, NOW)), Allow)
    assert policy.version == policy_of(SHARED).version


def test_a_renamed_app_stays_closed_by_its_hosts() -> None:
    overlay = closed(SHARED, "wiki")

    renamed = laid(SHARED.replace("wiki:", "kiwi:"), overlay)

    assert judged(renamed, "/", who("staff")) is CLOSED
    assert routed(renamed, "/", host="x.wiki.t.example").route.is_closed
    assert isinstance(judged(renamed, "/files/x"), Allow)
    assert overlay.unmatched(renamed) == ()


def test_a_moved_app_stays_closed_by_its_name() -> None:
    moved = SHARED.replace('[a.t.example, "*.wiki.t.example"]', "c.t.example")

    policy = laid(moved, closed(SHARED, "wiki"))

    assert routed(policy, "/", host="c.t.example").route.is_closed


def test_a_closed_app_that_is_nowhere_is_told() -> None:
    overlay = Overlay((ClosedApp("gone", ("gone.t.example",)),))

    assert overlay.unmatched(policy_of(SHARED)) == ("gone",)
    assert closing(policy_of(SHARED), "gone", "") is None


def test_all_apps_close_at_once() -> None:
    policy = laid(SHARED, Overlay(closes_all=True))

    assert all(route.is_closed for route in policy.routes)
    assert not any(route.is_closed for route in policy_of(SHARED).routes)


@pytest.mark.parametrize(
    ("person", "before", "after"),
    [
        (None, Login, Login),
        (who("staff"), Allow, StepUp),
        (who("staff", mfa_s=86_400), Allow, Allow),
    ],
)
def test_people_need_a_second_factor_where_it_is_asked_who_they_are(
    person: Actor | None, before: type, after: type
) -> None:
    policy = laid(ASKS, Overlay(require_mfa=True))

    assert isinstance(judged(policy_of(ASKS), "/page", person), before)
    assert isinstance(judged(policy, "/page", person), after)
    assert judged(policy, "/office", person) == judged(policy_of(ASKS), "/office", person)
    assert isinstance(judged(policy, "/known", None), Allow)
    if person is not None:
        assert isinstance(judged(policy, "/known", person), after)


def test_a_key_of_a_person_cant_meet_it() -> None:
    key = Actor("ada", frozenset(), NO_PROOF, "api_key", "", frozenset({"read"}))

    assert isinstance(judged(policy_of(ASKS), "/page", key), Allow)
    assert judged(laid(ASKS, Overlay(require_mfa=True)), "/page", key) is UNPROVEN


class Service:
    """A client as a route knows it: its tokens are its own."""

    is_service = True

    def goes_on_for(self, person: Actor, now: int) -> bool:
        return bool(person.user) and now > 0


class PersonsApp(Service):
    is_service = False


def test_a_token_of_an_app_that_acts_for_itself_goes_on_and_one_of_a_person_does_not() -> None:
    token = Actor("x", frozenset(), NO_PROOF, "bearer", "robot", frozenset({"read"}))

    def verdict(overlay: Overlay, client: Service) -> object:
        route = replace(routed(laid(ASKS, overlay), "/page").route, clients={"robot": client})
        return route.judge(Facts(token, None, NOW))

    assert isinstance(verdict(NO_OVERLAY, Service()), Allow)
    assert isinstance(verdict(Overlay(require_mfa=True), Service()), Allow)
    assert isinstance(verdict(NO_OVERLAY, PersonsApp()), Allow)
    assert isinstance(verdict(Overlay(require_mfa=True), PersonsApp()), StepUp)
    assert verdict(Overlay(closes_all=True), Service()) is CLOSED


def test_the_hosts_of_an_app_are_those_that_its_patterns_take() -> None:
    seen = ["a.t.example", "b.t.example", "x.wiki.t.example", "x.y.wiki.t.example", "auth.t.example"]

    assert hosts_of(policy_of(SHARED), "wiki", seen) == ("a.t.example", "x.wiki.t.example")


def test_it_is_no_denial_of_the_policy() -> None:
    assert judged(policy_of(SHARED), "/", who("guests")) is NOT_AMONG_THEM
