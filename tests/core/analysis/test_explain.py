"""People are told why a request is answered as it is."""

from ipaddress import ip_address

from gateway.core.analysis.explain import explain
from gateway.core.analysis.simulate import Asked
from gateway.core.assurance.model import OTP, PWD, Assurance, by_password
from gateway.core.policy.model import Actor, Policy
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
    assert "person   ada   groups staff   logged in 2h ago, no second factor" in text
    assert "route    a/rest   /**   p.yaml:4:3" in text
    assert "deny     users mallory: no   -> does not hold" in text
    assert "allow    leg 1: groups staff: yes and networks office: no   -> deny   p.yaml:7:13" in text
    assert "leg 2: groups staff: yes   require mfa   -> step_up   p.yaml:7:48" in text
    assert "limits   a/rest#1 600 in 1m per caller" in text
    assert "answer   step_up 302   mfa" in text
    assert f"policy   {POLICY.version}" in text


def test_an_apps_own_token_is_shown_where_it_is() -> None:
    policy = policy_of(
        "define: {app_tokens: {arr: [{header: X-Api-Key}, {query: apikey}]}}\n"
        f"apps: {{a: {{hosts: {HOST}, allow: [{{groups: staff}}, {{app_token: arr}}]}}}}"
    )

    assert "leg 2: app token arr: no   -> deny" in explained("/x", policy=policy)
    assert "answer   login 302" in explained("/x", policy=policy)
    assert "leg 2: app token arr: yes   -> allow" in explained("/x?apikey=k", policy=policy)
    assert "answer   allow 200   leg 2" in explained("/x?apikey=k", policy=policy)
    assert "answer   allow 200   as ada   leg 1" in explained("/x?apikey=k", who("staff"), policy=policy)


def test_a_stranger_is_a_stranger() -> None:
    text = explained("/")

    assert "person   an anonymous client" in text
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
    assert "route    none, odd_path: a/rest does not accept double_slash\nanswer   refused 400" in explained("//x")
    assert "route    none, bad_path: a dot segment\nanswer   refused 400" in explained("/x/../y")


def test_what_an_allow_sends_is_shown() -> None:
    text = explained("/", who("staff", mfa_s=5))

    assert "answer   allow 200   as ada   leg 2" in text
    assert "remote-user: ada" in text
    assert "x-frame-options: SAMEORIGIN" in text


def test_a_path_of_ours_is_nobodys_route() -> None:
    assert "route    bastion/callback\nanswer   refused 404" in explained("/.bastion/x")


def test_what_no_proxy_would_ask_is_refused_as_the_product_does() -> None:
    assert "route    none\nanswer   refused 400   x-forwarded-uri is not a path" in explained("/a b")


def test_nothing_of_one_request_is_shown() -> None:
    """The address of a login carries what is sealed for one browser."""
    text = explained("/")

    assert "location: https://auth.t.example/login?j=...\n" in text
    assert "cookie" not in text
    assert "x-request-id" not in text


def test_the_budgets_of_a_route_without_limits_are_shown() -> None:
    text = explained("/", policy=policy_of(f"apps: {{a: {{hosts: {HOST}, allow: authenticated}}}}"))

    assert "limits   GENERAL.SESSION 600 in 1m per principal\n" in text
    assert "         GENERAL.STRANGER 3000 in 1m per ip, without a session\n" in text


def test_what_a_destination_adds_is_shown() -> None:
    policy = policy_of(
        f"apps: {{a: {{hosts: {HOST}, allow: {{groups: staff}}, routes: {{own: {{paths: /own/**, allow: anyone}}}}}}}}"
    )

    def told(to: str) -> str:
        headers = {"destination": to}
        asked = Asked("MOVE", HOST, "/own/x", None, ip_address("203.0.113.9"), NOW, headers, "fetch")
        return "\n".join(explain(policy, asked))

    assert "Destination /private/x, judged as MOVE and as PUT" in told("/private/x")
    assert "route    a/own   /own/**" in told("/private/x")
    assert "route    a/rest   /**" in told("/private/x")
    assert "answer   login 401" in told("/private/x")
    assert told("/own/y").count("route ") == 1
    assert "answer   allow 200" in told("/own/y")
    assert "route    none, other_destination: of another origin" in told("https://b.t.example/own/y")
    assert "answer   refused 403" in told("https://b.t.example/own/y")


TOKENS = policy_of(
    f"""
define: {{scopes: {{read: Read your notes}}}}
clients:
  notes: {{name: Notes, type: spa, redirect_uris: https://n.example/cb, scopes: read, allow: {{groups: staff}}}}
apps:
  a: {{hosts: {HOST}, credentials: [session, dpop], allow: [{{groups: staff}}, {{scopes: read, clients: notes}}]}}
  b: {{hosts: b.t.example, allow: {{groups: staff}}}}
"""
)


def token(*groups: str, scopes: str = "read", credential: str = "dpop") -> Actor:
    return Actor(
        "ada",
        frozenset(groups),
        by_password(NOW - 60),
        credential,
        "notes",
        frozenset({scopes}),
        credential == "dpop",
    )


def test_what_a_token_is_and_which_legs_are_for_it() -> None:
    text = explained("/", token("staff"), "fetch", TOKENS)

    assert (
        "person   ada   groups staff   logged in 1m ago, no second factor   dpop of client notes   scopes read" in text
    )
    assert "accepts  session, dpop" in text
    assert "         GENERAL.EXECUTE 600 in 1m per caller, with a token\n" in text
    assert "leg 1: groups staff: yes   -> not for tokens" in text
    assert "leg 2: scopes read: yes and clients notes: yes   -> allow" in text


def test_a_token_whose_client_is_not_for_its_person_is_told_of() -> None:
    text = explained("/", token("guests"), "fetch", TOKENS)

    assert "client   client notes is not declared, or its allow is not for ada any more   -> deny" in text


def test_a_credential_that_the_route_does_not_accept_makes_a_stranger() -> None:
    text = explained("/", token("staff", credential="bearer"), "fetch", TOKENS)

    assert "leg 1: groups staff: not known yet" in text


def test_required_methods_and_scores_are_shown_beside_what_was_proven() -> None:
    policy = policy_of(f"apps: {{a: {{hosts: {HOST}, allow: authenticated, require: {{amr: [hwk, user]}}}}}}")
    scored = policy_of(f"apps: {{a: {{hosts: {HOST}, allow: authenticated, require: {{risk_below: 40}}}}}}")
    ada = Actor("ada", frozenset(), Assurance(NOW - 60, NOW - 60, PWD | OTP, 45))

    assert "logged in 1m ago, second factor 1m ago, by pwd otp mfa, risk 45 of 100" in explained("/", ada)
    assert "authenticated: yes   require amr hwk user   -> step_up" in explained("/", ada, policy=policy)
    assert "answer   step_up 302   amr hwk user" in explained("/", ada, policy=policy)
    assert "authenticated: yes   require risk below 40   -> deny" in explained("/", ada, policy=scored)
    assert "answer   deny 403   the risk score of the login is too high" in explained("/", ada, policy=scored)
