"""Every leg of an allow carries weight, and what is not known never opens a door."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.assurance.model import OTP, PWD, Assurance
from gateway.core.assurance.need import Need
from gateway.core.policy.compile import Policy
from gateway.core.policy.model import Actor, Allow, Deny, Facts, Login, StepUp
from gateway.core.policy.route import Require
from tests.changed import changed
from tests.core.policy.build import HOST, NOW, app, judged, policy_of, routed, who

STRICT: Final = policy_of(
    """
define:
  networks: {inside: [10.0.0.0/8, "2001:db8::/32"], bad: 10.66.0.0/16}
apps:
  a:
    hosts: a.t.example
    deny: [{networks: bad}, {groups: suspended}]
    allow: {groups: [staff, ops], networks: inside, until: 2026-12-31, not: {users: mallory}, require: {mfa: true}}
    require: {authenticated_within: 10m}
    routes:
      own: {paths: "/home/{who}/**", allow: {users: "{who}", all: [{groups: staff}, {groups: ops}]}}
"""
)
NAMES: Final = st.sampled_from(["ada", "eve", "root"])
ALLOWED: Final = st.builds(
    Facts,
    person=st.builds(
        Actor,
        user=NAMES,
        groups=st.frozensets(st.sampled_from(["staff", "ops", "guests", "x"])).filter({"staff", "ops"}.intersection),
        assurance=st.builds(
            Assurance,
            authenticated_at=st.integers(NOW - 600, NOW),
            mfa_at=st.integers(NOW - 600, NOW),
            amr=st.just(PWD | OTP),
        ),
    ),
    address=st.sampled_from(["10.0.0.0", "10.255.255.255", "10.65.255.255", "::ffff:10.1.2.3", "2001:db8::7"]).map(
        ip_address
    ),
    now=st.just(NOW),
    captures=st.just({}),
)
Change = Callable[[Facts, Actor], Facts]
LEGS: Final[dict[str, Change]] = {
    "person": lambda facts, _: changed(facts, person=None),
    "groups": lambda facts, actor: changed(facts, person=changed(actor, groups=frozenset({"guests"}))),
    "user": lambda facts, actor: changed(facts, person=changed(actor, user="mallory")),
    "session": lambda facts, actor: changed(facts, person=changed(actor, credential="api_key")),
    "factor": lambda facts, actor: with_proof(facts, actor, mfa_at=0),
    "fresh factor": lambda facts, actor: with_proof(facts, actor, mfa_at=NOW - 601),
    "fresh password": lambda facts, actor: with_proof(facts, actor, authenticated_at=NOW - 601),
    "place": lambda facts, _: changed(facts, address=ip_address("11.0.0.0")),
    "known place": lambda facts, _: changed(facts, address=None),
    "allowed place": lambda facts, _: changed(facts, address=ip_address("10.66.0.1")),
    "allowed place, mapped": lambda facts, _: changed(facts, address=ip_address("::ffff:10.66.0.1")),
    "day": lambda facts, actor: at(facts, actor, 1_798_761_600),
    "standing": lambda facts, actor: changed(facts, person=changed(actor, groups=actor.groups | {"suspended"})),
}


def with_proof(facts: Facts, actor: Actor, **times: int) -> Facts:
    return changed(facts, person=changed(actor, assurance=replace(actor.assurance, **times)))


def at(facts: Facts, actor: Actor, now: int) -> Facts:
    return with_proof(changed(facts, now=now), actor, authenticated_at=now, mfa_at=now)


@given(ALLOWED)
def test_all_legs_together_open_the_door(facts: Facts) -> None:
    assert routed(STRICT, "/").route.judge(facts) == Allow(identity=True, leg="leg 1")


@pytest.mark.parametrize("take_away", LEGS.values(), ids=LEGS)
@given(facts=ALLOWED)
def test_each_leg_carries_weight(take_away: Change, facts: Facts) -> None:
    """From an allowed request, take one fact away: it must not be allowed any more."""
    assert facts.person is not None

    assert not isinstance(routed(STRICT, "/").route.judge(take_away(facts, facts.person)), Allow)


@given(ALLOWED)
def test_a_day_counts_to_its_last_second(facts: Facts) -> None:
    assert facts.person is not None

    assert isinstance(routed(STRICT, "/").route.judge(at(facts, facts.person, 1_798_761_599)), Allow)


@pytest.mark.parametrize(
    ("user", "groups", "path"),
    [("eve", ("staff", "ops"), "/home/ada/x"), ("ada", ("staff",), "/home/ada/x"), ("ada", ("ops",), "/home/ada")],
)
def test_what_a_path_captures_has_to_be_the_user(user: str, groups: tuple[str, ...], path: str) -> None:
    assert isinstance(judged(STRICT, "/home/ada/x", who("staff", "ops"), "203.0.113.9"), Allow)
    assert isinstance(judged(STRICT, path, who(*groups, user=user), "203.0.113.9"), Deny)


CONDITIONS: Final = st.recursive(
    st.sampled_from(
        [
            *["{groups: staff}", "{groups: [staff, ops]}", "{users: ada}", "{networks: 10.0.0.0/8}"],
            *["{until: 2026-12-31}", "{until: 2020-01-01}", "{groups: ops, networks: 192.0.2.0/24}"],
        ]
    ),
    lambda inner: st.builds("{{all: [{}, {}]}}".format, inner, inner),
    max_leaves=4,
)
ANYBODY: Final = st.none() | st.builds(
    Actor,
    user=NAMES,
    groups=st.frozensets(st.sampled_from(["staff", "ops", "guests"])),
    assurance=st.builds(
        Assurance,
        authenticated_at=st.integers(NOW - 1200, NOW),
        mfa_at=st.just(0) | st.integers(NOW - 1200, NOW),
        amr=st.just(PWD | OTP),
    ),
)
PLACES: Final = st.none() | st.sampled_from(["10.0.0.1", "192.0.2.7", "203.0.113.7", "2001:db8::1"]).map(ip_address)


def rank(verdict: object) -> int:
    match verdict:
        case Allow(identity):
            return 4 if identity else 3
        case StepUp():
            return 2
        case Login():
            return 1
        case _:
            return 0


@given(st.lists(CONDITIONS, min_size=1, max_size=3), CONDITIONS, ANYBODY, PLACES)
def test_one_more_denial_never_widens(allow: list[str], deny: str, person: Actor | None, place: object) -> None:
    legs = ", ".join(
        ["authenticated", *(f"{{all: [{condition}, {{groups: [staff, ops, guests]}}]}}" for condition in allow)]
    )
    before, after = app(f"allow: [{legs}]"), app(f"allow: [{legs}], deny: {deny}")
    facts = Facts(person, place, NOW, {})  # type: ignore[arg-type]  # drawn from addresses

    assert rank(routed(after, "/").route.judge(facts)) <= rank(routed(before, "/").route.judge(facts))


@given(st.lists(CONDITIONS, min_size=1, max_size=3), CONDITIONS, ANYBODY, PLACES)
def test_one_more_condition_in_a_leg_never_widens(
    legs: list[str], more: str, person: Actor | None, place: object
) -> None:
    before, after = (
        app(f"allow: [{', '.join(legs)}]"),
        app(f"allow: [{', '.join(f'{{all: [{leg}, {more}]}}' for leg in legs)}]"),
    )
    facts = Facts(person, place, NOW, {})  # type: ignore[arg-type]  # drawn from addresses
    wide, narrow = routed(before, "/").route.judge(facts), routed(after, "/").route.judge(facts)

    assert not isinstance(narrow, Allow) or isinstance(wide, Allow)


@given(st.lists(CONDITIONS, min_size=2, max_size=4), ANYBODY, PLACES)
def test_the_order_of_legs_decides_nothing(legs: list[str], person: Actor | None, place: object) -> None:
    forward, backward = app(f"allow: [{', '.join(legs)}]"), app(f"allow: [{', '.join(legs[::-1])}]")
    facts = Facts(person, place, NOW, {})  # type: ignore[arg-type]  # drawn from addresses

    assert rank(routed(forward, "/").route.judge(facts)) == rank(routed(backward, "/").route.judge(facts))


@given(st.lists(CONDITIONS, min_size=1, max_size=4), PLACES)
def test_a_stranger_never_comes_in_as_somebody(legs: list[str], place: object) -> None:
    facts = Facts(None, place, NOW, {})  # type: ignore[arg-type]  # drawn from addresses

    assert routed(app(f"allow: [{', '.join(legs)}]"), "/").route.judge(facts) != Allow(identity=True, leg="leg 1")


@pytest.mark.parametrize(
    ("allow", "stranger", "guest", "staff"),
    [
        ("anyone", "nobody", "nobody", "nobody"),
        ("nobody", "deny", "deny", "deny"),
        ("authenticated", "login", "somebody", "somebody"),
        ("{groups: staff}", "login", "deny", "somebody"),
        ("{not: {groups: staff}}", "login", "somebody", "deny"),
        ("{networks: 203.0.113.0/24}", "nobody", "nobody", "nobody"),
        ("{networks: 198.51.100.0/24}", "deny", "deny", "deny"),
        ("{not: {networks: 198.51.100.0/24}}", "nobody", "nobody", "nobody"),
        ("{groups: staff, networks: 198.51.100.0/24}", "deny", "deny", "deny"),
        ("[{groups: staff}, {networks: 203.0.113.0/24}]", "nobody", "nobody", "somebody"),
        ("{groups: staff, until: 2020-01-01}", "deny", "deny", "deny"),
        ("{any: [{groups: staff}, {users: eve}]}", "login", "deny", "somebody"),
        ("{groups: staff, require: {mfa: true}}", "login", "deny", "step_up"),
        ("[{groups: staff, require: {mfa: true}}, anyone]", "nobody", "nobody", "nobody"),
        ("[nobody, {groups: staff}]", "login", "deny", "somebody"),
    ],
)
def test_the_best_leg_wins(allow: str, stranger: str, guest: str, staff: str) -> None:
    policy = app(f"allow: {allow}")
    names = {4: "somebody", 3: "nobody", 2: "step_up", 1: "login", 0: "deny"}

    found = [names[rank(judged(policy, "/", person))] for person in (None, who("guests"), who("staff"))]

    assert found == [stranger, guest, staff]


@pytest.mark.parametrize(
    "allow", ["{networks: 0.0.0.0/0}", "{not: {networks: 198.51.100.0/24}}", "{all: [{networks: '::/0'}]}"]
)
def test_an_unknown_address_is_in_no_network_and_outside_of_none(allow: str) -> None:
    assert judged(app(f"allow: {allow}"), "/", who(), address=None) == Deny("not among those allowed here")


@pytest.mark.parametrize("deny", ["{networks: 198.51.100.0/24}", "{not: {networks: 198.51.100.0/24}}"])
def test_an_unknown_address_is_denied_wherever_places_are(deny: str) -> None:
    assert judged(app(f"allow: authenticated, deny: {deny}"), "/", who(), address=None) == Deny("a rule forbids it")


def test_no_login_helps_where_the_address_is_not_known() -> None:
    policy = app("allow: {groups: staff, networks: 203.0.113.0/24}")

    assert isinstance(judged(policy, "/", None), Login)
    assert isinstance(judged(policy, "/", None, address=None), Deny)


def test_a_denial_comes_before_allow_and_adds_up() -> None:
    policy = policy_of(
        f"""
defaults: {{deny: {{networks: 192.0.2.0/24}}}}
apps:
  a:
    hosts: {HOST}
    deny: {{users: mallory}}
    allow: authenticated
    routes: {{open: {{paths: /open, allow: anyone, deny: {{networks: 198.51.100.0/24}}}}}}
"""
    )

    assert isinstance(judged(policy, "/open"), Allow)
    assert isinstance(judged(policy, "/open", None, "192.0.2.1"), Deny)
    assert isinstance(judged(policy, "/open", None, "198.51.100.1"), Deny)
    assert isinstance(judged(policy, "/open", who(user="mallory")), Deny)
    assert isinstance(judged(policy, "/", None, "192.0.2.1"), Deny)
    assert isinstance(judged(policy, "/", who(), "198.51.100.1"), Allow)


def test_levels_of_require_merge_by_key_and_none_drops_them() -> None:
    policy = policy_of(
        f"""
defaults: {{require: {{authenticated_within: 1h}}}}
apps:
  a:
    hosts: {HOST}
    allow: authenticated
    require: {{mfa: true}}
    routes:
      nearer: {{paths: /nearer, require: {{authenticated_within: 2h}}}}
      less: {{paths: /less, require: {{mfa: false}}}}
      none: {{paths: /none, require: none}}
      leg: {{paths: /leg, allow: {{groups: staff, require: {{authenticated_within: 10m}}}}}}
      wide: {{paths: /wide, require: none, allow: [{{groups: staff, require: {{authenticated_within: 2h}}}}]}}
"""
    )

    asked = {route.name: route.legs[0].require for route in policy.routes}

    assert asked == {
        "a/rest": Require(mfa=True, authenticated_within_s=3600),
        "a/nearer": Require(mfa=True, authenticated_within_s=7200),
        "a/less": Require(mfa=False, authenticated_within_s=3600),
        "a/none": Require(),
        "a/leg": Require(mfa=True, authenticated_within_s=600),
        "a/wide": Require(authenticated_within_s=7200),
    }


def test_a_window_includes_its_last_second() -> None:
    policy = app("allow: authenticated, require: {authenticated_within: 10m}")

    assert isinstance(judged(policy, "/", who(since_s=600)), Allow)
    assert judged(policy, "/", who(since_s=601)) == StepUp(Need(mfa=False, within_s=600))
    assert isinstance(judged(policy, "/", who(since_s=601, mfa_s=1)), StepUp)


def test_a_second_factor_that_nobody_gave_is_asked_for() -> None:
    policy = app("allow: authenticated, require: {mfa: true}")

    assert judged(policy, "/", who()) == StepUp(Need(mfa=True, within_s=0))
    assert isinstance(judged(policy, "/", who(mfa_s=10**9)), Allow)


def test_of_two_ways_to_step_up_the_one_that_asks_less_is_shown() -> None:
    legs = "{groups: staff, require: {mfa: true}}, {groups: staff, require: {authenticated_within: 10m}}"

    assert judged(app(f"allow: [{legs}]"), "/", who("staff", since_s=700)) == StepUp(Need(mfa=False, within_s=600))


def test_who_comes_in_by_place_comes_in_as_nobody() -> None:
    policy = app("allow: [{networks: 203.0.113.0/24}, {groups: staff}]")

    assert judged(policy, "/", who("guests")) == Allow(identity=False, leg="leg 1")
    assert judged(policy, "/", who("staff")) == Allow(identity=True, leg="leg 2")


def test_an_optional_identity_is_sent_if_there_is_one() -> None:
    policy = app("allow: anyone, identity: optional, routes: {staff: {paths: /s, allow: {networks: 203.0.113.0/24}}}")

    assert judged(policy, "/", who()) == Allow(identity=True, leg="anyone")
    assert judged(policy, "/") == Allow(identity=False, leg="anyone")
    assert judged(policy, "/s", who()) == Allow(identity=False, leg="leg 1")


def test_an_identity_that_is_not_sent_is_still_somebody() -> None:
    route = routed(app("allow: authenticated, identity: none"), "/").route
    verdict = judged(app("allow: authenticated, identity: none"), "/", who())

    assert verdict == Allow(identity=True, leg="authenticated")
    assert not route.sends_identity(verdict)


@pytest.mark.parametrize(
    ("settings", "asks"),
    [
        ("allow: anyone", False),
        ("allow: nobody", False),
        ("allow: {networks: 10.0.0.0/8}", False),
        ("allow: [anyone, {groups: staff}]", True),
        ("allow: authenticated", True),
        ("allow: {not: {groups: x}}", True),
        ("allow: anyone, identity: optional", True),
        ("allow: anyone, deny: {networks: 10.0.0.0/8}", False),
        ("allow: authenticated, deny: {users: x}, routes: {r: {paths: /r, allow: anyone}}", True),
    ],
)
def test_a_route_says_whether_it_depends_on_people(settings: str, asks: bool) -> None:
    policy = app(settings)

    assert {route.asks_people for route in policy.routes} == {asks}


def allowed_everywhere(policy: Policy) -> bool:
    return all(isinstance(judged(policy, path, who("staff")), Allow) for path in ("/", "/x"))


def test_inherited_legs_are_those_of_the_app() -> None:
    policy = app("allow: {groups: staff}, routes: {x: {paths: /x, allow: [inherited, {networks: 198.51.100.0/24}]}}")

    assert allowed_everywhere(policy)
    assert isinstance(judged(policy, "/x", None, "198.51.100.7"), Allow)
    assert isinstance(judged(policy, "/", None, "198.51.100.7"), Login)


def test_a_named_condition_is_its_leg() -> None:
    policy = policy_of(
        f"""
define:
  conditions:
    duty: {{groups: ops, require: {{mfa: true}}}}
    deep: {{all: [plain, {{users: ada}}]}}
    plain: {{groups: x}}
apps: {{a: {{hosts: {HOST}, allow: duty, routes: {{deep: {{paths: /deep, allow: deep}}}}}}}}
"""
    )

    assert judged(policy, "/", who("ops", mfa_s=1)) == Allow(identity=True, leg="duty")
    assert isinstance(judged(policy, "/", who("ops")), StepUp)
    assert judged(policy, "/deep", who("x")) == Allow(identity=True, leg="deep")
