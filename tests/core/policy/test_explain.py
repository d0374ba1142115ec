"""People are told why a request is answered as it is."""

from ipaddress import ip_address

from gateway.core.policy.explain import explain
from gateway.core.policy.model import Actor, Policy
from gateway.core.policy.simulate import Asked
from tests.core.policy.build import HOST, NOW, policy_of, who

POLICY = policy_of(
    f"""
define: {{networks: {{office: 198.51.100.0/24}}}}
apps:
  a:
    hosts: {HOST}
    deny: {{users: mallory}}
    allow: [{{groups: staff, networks: office}}, {{groups: staff, require: {{mfa: true}}}}]
    limits: 600/min
    routes: {{own: {{paths: "/home/{{who}}/**", allow: {{users: "{{who}}", any: [{{groups: x}}, {{groups: y}}]}}}}}}
"""
)


def explained(target: str, person: Actor | None = None, kind: str = "navigate", policy: Policy = POLICY) -> str:
    address = ip_address("203.0.113.9")
    return "\n".join(explain(policy, Asked("GET", HOST, target, person, address, NOW, {}, kind)))


def test_each_leg_is_shown_with_what_was_known() -> None:
    text = explained("/documents?q=x", who("staff", since_s=7200))

    assert (
        "request  GET a.t.example /documents (query not used)   kind navigate   from 203.0.113.9, in no network" in text
    )
    assert "person   ada   groups staff   signed in 2h ago, no second factor" in text
    assert "route    a/rest   /**   p.yaml:4:3" in text
    assert "deny     users mallory: no   -> does not hold" in text
    assert "allow    leg 1: groups staff: yes and networks office: no   -> deny   p.yaml:7:13" in text
    assert "leg 2: groups staff: yes   require mfa   -> step_up   p.yaml:7:48" in text
    assert "limits   a/rest#1 600 in 1m per caller" in text
    assert "answer   step_up 302   mfa" in text
    assert f"policy   {POLICY.version}" in text


def test_a_stranger_is_a_stranger() -> None:
    text = explained("/")

    assert "person   a stranger" in text
    assert "groups staff: not known yet and networks office: no   -> deny" in text
    assert "answer   login 302" in text


def test_captures_are_shown() -> None:
    text = explained("/home/eve/x", who("x"))

    assert "who = eve" in text
    assert "users {who}: no and (groups x: yes or groups y: no)   -> deny" in text
    assert "answer   deny 403   not among those allowed here" in text


def test_a_denial_is_shown() -> None:
    assert "deny     users mallory: yes   -> deny" in explained("/", who("staff", user="mallory"))


def test_a_request_without_a_route_says_why() -> None:
    assert "route    none, odd_path: a/rest does not accept double_slash\nanswer   refuse 400" in explained("//x")
    assert "route    none, bad_path: a dot segment\nanswer   refuse 400" in explained("/x/../y")


def test_what_an_allow_sends_is_shown() -> None:
    text = explained("/", who("staff", mfa_s=5))

    assert "answer   allow 200   as ada   leg 2" in text
    assert "remote-user: ada" in text
    assert "x-frame-options: SAMEORIGIN" in text
