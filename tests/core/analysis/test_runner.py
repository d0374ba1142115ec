"""The `tests:` of a policy: each word of their syntax, and what they say when they don't hold."""

import pytest

from gateway.core.analysis.tests_runner import run_tests
from gateway.core.policy.compile import Policy
from tests.core.policy.build import NOW, mistakes, policy_of

APPS = """
define:
  networks: {office: 198.51.100.0/24, six: "2001:db8:7::/48", elsewhere: 203.0.113.0/24}
  limits: {shared: {rate: 2/min, per: everyone}}
  people:
    ada: {groups: staff, authenticated: 3h}
    root: {user: toor, groups: [staff, ops], authenticated: 5m, mfa: 5m}
apps:
  a:
    hosts: a.t.example
    allow: {groups: staff}
    routes:
      admin: {paths: /admin, allow: {groups: ops}, require: {mfa: true, authenticated_within: 10m}}
      open: {paths: /open, allow: anyone, limits: shared}
      old: {paths: /old, allow: {groups: staff, until: 2026-12-31}}
      office: {paths: /office, allow: [{networks: office}, {networks: six}]}
      hidden: {paths: /hidden, respond: {anonymous: 404, denied: 404}}
      closed: {paths: /closed, allow: nobody, respond: {denied: 503, retry_after: 2h}}
      new: {paths: /new, require: {authenticated_within: 3h}}
      later: {paths: /later, respond: {retry_after: 2h}}
      silent: {paths: /silent, identity: none}
      app: {paths: /app, cors: app}
      partner: {paths: /partner, cors: {origins: https://p.example, credentials: true}}
      limited: {paths: /limited, limits: [3/min, {rate: 2/min, per: principal}]}
      passkey: {paths: /passkey, require: {amr: [hwk]}}
      usual: {paths: /usual, require: {risk_below: 40}}
"""


def with_test(test: str) -> Policy:
    return policy_of(f"{APPS}tests:\n  - {test}\n")


@pytest.mark.parametrize(
    "test",
    [
        "{request: GET https://a.t.example/, expect: login}",
        "{request: MOVE https://a.t.example/open, destination: /open, expect: allow, route: a/open}",
        "{request: MOVE https://a.t.example/open, destination: /, expect: login, route: a/rest}",
        "{request: MOVE https://a.t.example/open, destination: 'https://a.t.example/closed', expect: deny}",
        "{request: MOVE https://a.t.example/open, destination: 'https://b.t.example/open', expect: 403}",
        "{request: COPY https://a.t.example/open, destination: /x/%2e%2e/open, expect: refused}",
        "{request: COPY https://a.t.example/open, headers: {Destination: /closed}, expect: deny}",
        "{request: PUT https://a.t.example/open, headers: {Destination: /closed}, expect: allow}",
        "{request: GET https://a.t.example, expect: 302}",
        "{request: POST https://a.t.example/, expect: 303, kind: navigate}",
        "{request: POST https://a.t.example/, expect: 401}",
        "{request: GET https://a.t.example/, expect: 401, kind: fetch}",
        "{request: GET https://a.t.example/, expect: 401, kind: api}",
        "{request: GET https://a.t.example/, expect: 401, kind: websocket}",
        "{request: GET https://a.t.example/, as: ada, expect: allow, route: a/rest, identity: ada}",
        "{request: GET https://a.t.example/, as: root, expect: 200, identity: toor}",
        "{request: GET https://a.t.example/, as: {groups: staff}, expect: allow, identity: somebody}",
        "{request: GET https://a.t.example/, as: {user: eve, groups: staff}, expect: allow, identity: eve}",
        "{request: GET https://a.t.example/, as: [ada, root, {person: ada, user: x}], expect: allow}",
        "{request: GET https://a.t.example/, as: {person: ada, groups: guests}, expect: deny}",
        "{request: GET https://a.t.example/admin, as: root, expect: allow}",
        "{request: GET https://a.t.example/admin, as: {person: root, mfa: 11m}, expect: step_up}",
        "{request: GET https://a.t.example/admin, as: {person: root, mfa: none}, expect: step_up}",
        "{request: GET https://a.t.example/admin, as: {person: root, mfa: none}, kind: fetch, expect: 401}",
        "{request: GET https://a.t.example/old, as: ada, at: 2026-12-31, expect: allow}",
        "{request: GET https://a.t.example/old, as: ada, at: 2027-01-01, expect: deny}",
        "{request: GET https://a.t.example/office, expect: deny}",
        "{request: GET https://a.t.example/office, from: office, expect: allow, identity: none}",
        "{request: GET https://a.t.example/office, from: six, as: ada, expect: allow, identity: none}",
        "{request: GET https://a.t.example/office, from: 198.51.100.77, expect: allow}",
        '{request: GET https://a.t.example/office, from: "::ffff:198.51.100.77", expect: allow}',
        "{request: GET https://a.t.example/hidden, expect: 404}",
        "{request: GET https://a.t.example/hidden, as: {user: eve}, expect: 404}",
        "{request: GET https://a.t.example/closed, expect: 503, expect_headers: {Retry-After: 7200}}",
        "{request: GET https://a.t.example/closed, expect: deny}",
        "{request: GET https://a.t.example/silent, as: ada, expect: allow, identity: none}",
        "{request: GET https://a.t.example/silent, as: ada, expect: allow, expect_headers: {Remote-User: absent}}",
        "{request: GET https://a.t.example/open, times: 2, expect: allow}",
        "{request: GET https://a.t.example/open, times: 3, expect: limited, expect_headers: {Retry-After: present}}",
        "{request: GET https://a.t.example/limited, as: ada, times: 2, expect: allow}",
        "{request: GET https://a.t.example/limited, as: ada, times: 3, expect: limited}",
        "{request: GET https://a.t.example/limited, times: 3, expect: login}",
        "{request: GET https://a.t.example/limited, times: 4, expect: 429}",
        "{request: GET https://a.t.example//, as: ada, expect: refused}",
        "{request: FOO https://a.t.example/, as: ada, expect: 405, expect_headers: {Allow: present}}",
        "{request: GET https://b.t.example/, as: ada, expect: refused}",
        "{request: GET https://a.t.example/, as: ada, headers: {Origin: https://evil.example}, expect: allow}",
        "{request: POST https://a.t.example/, as: ada, headers: {Origin: https://evil.example}, expect: deny}",
        "{request: POST https://a.t.example/, as: ada, headers: {Sec-Fetch-Site: same-site}, expect: deny}",
        "{request: GET https://a.t.example/, as: ada, kind: websocket, expect: allow}",
        "{request: GET https://a.t.example/, as: ada, kind: websocket, headers: {Origin: null}, expect: deny}",
        "{request: OPTIONS https://a.t.example/app, kind: preflight, expect: allow, identity: none}",
        "{request: OPTIONS https://a.t.example/, kind: preflight, expect: deny}",
        "{request: GET https://a.t.example/, as: ada, expect: allow, expect_headers: {X-Frame-Options: SAMEORIGIN}}",
        "{request: GET https://a.t.example/, as: ada, expect: allow, expect_headers: {Server: absent}}",
        "{request: GET https://a.t.example/, as: ada, expect: allow, expect_headers: {Remote-Groups: staff}}",
        "{request: GET https://a.t.example/, expect: login, expect_headers: {cache-control: no-store}}",
        "{request: GET https://a.t.example/, expect: login, expect_headers: {Location: present, Content-Type: absent}}",
        "{request: GET https://a.t.example/, kind: api, expect: 401, expect_headers: {Content-Type: application/json}}",
        "{request: GET https://a.t.example/new, as: {person: ada, authenticated: 4h}, expect: step_up}",
        "{request: GET https://a.t.example/new, as: ada, headers: {Early-Data: 1}, expect: 425}",
        "{request: GET https://a.t.example/later, as: {user: eve}, expect: 403, expect_headers: {Retry-After: absent}}",
        "{request: GET https://a.t.example/.bastion/x, as: ada, expect: refused, route: bastion/callback}",
        "{request: GET https://a.t.example/limited, as: ada, expect: allow, expect_headers: {RateLimit: present}}",
        "{request: GET https://a.t.example/passkey, as: {person: ada, mfa: 2m, amr: [hwk], risk: 45}, expect: allow}",
        "{request: GET https://a.t.example/passkey, as: {person: ada, amr: hwk}, expect: step_up}",
        "{request: GET https://a.t.example/passkey, as: {person: ada, mfa: 2m}, expect: step_up}",
        "{request: GET https://a.t.example/passkey, as: {person: ada, mfa: 2m, amr: [swk, user]}, expect: step_up}",
        "{request: GET https://a.t.example/usual, as: {person: ada, mfa: 2m, amr: [hwk], risk: 45}, expect: deny}",
        "{request: GET https://a.t.example/usual, as: {person: ada, risk: 40}, expect: deny}",
        "{request: GET https://a.t.example/usual, as: {person: ada, risk: 39}, expect: allow}",
        "{request: GET https://a.t.example/usual, as: ada, expect: deny}",
        "{request: GET https://a.t.example/usual, expect: login}",
    ],
)
def test_a_test_holds(test: str) -> None:
    assert run_tests(with_test(test), NOW) == ()


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ("expect: deny", "expected deny, got login by a/rest"),
        ("expect: allow, route: a/open", "expected allow, got login by a/rest; expected route a/open, got a/rest"),
        ("as: ada, expect: allow, identity: root", "as ada: expected identity root, got ada"),
        ("as: ada, expect: allow, identity: none", "expected identity none, got ada"),
        ("as: [ada, root], expect: deny", "as toor: expected deny, got allow"),
        ("as: ada, expect: 302", "expected 302, got allow"),
        ("as: ada, expect: allow, expect_headers: {Server: present}", "expected server: present, got absent"),
        ("as: ada, expect: allow, expect_headers: {Remote-User: eve}", "expected remote-user: eve, got ada"),
        ("as: ada, expect: allow, expect_headers: {Remote-User: absent}", "expected remote-user: absent, got ada"),
    ],
)
def test_a_test_that_does_not_hold_is_said(test: str, said: str) -> None:
    failures = run_tests(with_test(f"{{request: GET https://a.t.example/, {test}}}"), NOW)

    assert any(said in failure.message for failure in failures), failures
    assert {failure.line for failure in failures} == {28}


@pytest.mark.parametrize(
    ("test", "said", "mended"),
    [
        ("expect: allow", "leg 1 (p.yaml:11:12) groups staff: not known yet -> login", "as: ada, expect: allow"),
        (
            "as: {user: eve}, expect: allow",
            "leg 1 (p.yaml:11:12) groups staff: no -> deny; eve: groups -, logged in 0s ago, no second factor",
            "as: ada, expect: allow",
        ),
        ("as: ada, expect: deny", "groups staff: yes -> allow; ada: groups staff, logged in 3h ago", "expect: login"),
        ("expect: deny", "as an anonymous client: expected deny, got login", "expect: login"),
        ("expect: deny", "an anonymous client: not logged in", "expect: login"),
    ],
)
def test_a_failure_says_which_condition_decided_and_who_asked(test: str, said: str, mended: str) -> None:
    (failure,) = run_tests(with_test(f"{{request: GET https://a.t.example/, {test}}}"), NOW)

    assert str(failure).startswith("p.yaml:28:5: GET https://a.t.example/ as ")
    assert said in str(failure)
    assert run_tests(with_test(f"{{request: GET https://a.t.example/, {mended}}}"), NOW) == ()


def test_a_failure_says_what_was_proven_and_the_score() -> None:
    person = "{person: ada, mfa: 2m, amr: [hwk], risk: 45}"
    (failure,) = run_tests(with_test(f"{{request: GET https://a.t.example/usual, as: {person}, expect: allow}}"), NOW)

    assert "(the risk score of the login is too high, or not known)" in failure.message
    assert "groups staff: yes require risk below 40 -> deny" in failure.message
    assert failure.message.endswith("second factor 2m ago, by hwk mfa, risk 45 of 100")


def test_a_failure_names_the_denial_that_decided_or_every_leg() -> None:
    denied = policy_of(
        "apps: {b: {hosts: b.t.example, allow: authenticated, deny: {networks: 192.0.2.0/24}}}\n"
        "tests: [{request: GET https://b.t.example/, as: {user: ada}, from: 192.0.2.7, expect: allow}]"
    )
    old = with_test("{request: GET https://a.t.example/new, as: {person: ada, authenticated: 4h}, expect: allow}")
    places = with_test("{request: GET https://a.t.example/office, expect: allow}")

    assert "(a rule forbids it); deny (p.yaml:1:60) networks 192.0.2.0/24: yes; ada: " in str(run_tests(denied, NOW)[0])
    assert "groups staff: yes require authenticated within 3h -> step_up" in str(run_tests(old, NOW)[0])
    assert "; leg 1 (p.yaml:16:40) networks office: no -> deny; leg 2 (p.yaml:16:60) networks six: no" in str(
        run_tests(places, NOW)[0]
    )


def test_a_failure_that_no_condition_explains_names_none() -> None:
    header = with_test("{request: GET https://a.t.example/, as: ada, expect: allow, expect_headers: {Server: present}}")
    nowhere = with_test("{request: GET https://c.t.example/, as: ada, expect: allow}")

    assert "got absent (leg 1); ada: groups staff" in str(run_tests(header, NOW)[0])
    assert "expected allow, got refused (no_host); ada: groups staff" in str(run_tests(nowhere, NOW)[0])


def test_each_person_of_a_test_asks() -> None:
    policy = with_test("{request: GET https://a.t.example/, as: [ada, {user: eve}, root], expect: allow}")

    (failure,) = run_tests(policy, NOW)

    assert " as eve: expected allow, got deny" in str(failure)


def test_a_test_without_a_day_is_run_at_the_present() -> None:
    policy = with_test("{request: GET https://a.t.example/old, as: ada, expect: allow}")

    assert run_tests(policy, 1_798_761_599) == ()
    assert len(run_tests(policy, 1_798_761_600)) == 1


def test_a_test_asks_from_an_address_in_no_network() -> None:
    address = with_test("{request: GET https://a.t.example/, expect: login}").tests[0].address

    assert address is not None
    assert not any(address in network for network in policy_of(APPS).networks.values())


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ("request: GET https://a.t.example/, expect: deny, times: 0", "times is `0`"),
        ("request: GET https://a.t.example/, expect: deny, kind: ajax", "kind is `ajax`"),
        ("request: GET https://a.t.example/, expect: deny, from: 1.2.3", "from is `1.2.3`"),
        ("request: GET https://a.t.example/, expect: deny, headers: [x]", "expected a map of headers"),
        ("request: GET https://a.t.example/, expect: deny, as: [adda]", "no person `adda`"),
        ("request: GET https://a.t.example/, expect: deny, at: tomorrow", "at is `tomorrow`"),
        ("request: GET ftp://a.t.example/, expect: deny", "no request"),
        ("request: https://a.t.example/, expect: deny", "no request"),
        ("request: GET https://a.t.example/, expect: 999", "expect is `999`"),
        (
            "request: GET https://a.t.example/, expect: slow_down",
            "expect is `slow_down`; this outcome is called limited",
        ),
        ("request: GET https://a.t.example/, expect: refuse", "expect is `refuse`; this outcome is called refused"),
    ],
)
def test_a_test_that_makes_no_sense_is_a_mistake(test: str, said: str) -> None:
    assert any(said in one for one in mistakes(f"{APPS}tests: [{{{test}}}]"))


def test_a_failure_names_the_conditions_of_the_destination_too() -> None:
    request = "request: MOVE https://a.t.example/open, destination: /, as: {user: eve}"

    (failure,) = run_tests(with_test(f"{{{request}, expect: allow}}"), NOW)

    assert "expected allow, got deny by a/rest" in str(failure)
    assert "anyone: yes -> allow; leg 1 (p.yaml:11:12) groups staff: no -> deny; eve:" in str(failure)
    assert run_tests(with_test(f"{{{request}, expect: deny}}"), NOW) == ()


@pytest.mark.parametrize("method", ["PUT", "GET", "POST", "OPTIONS"])
def test_a_destination_belongs_to_methods_that_take_one(method: str) -> None:
    (mistake,) = mistakes(
        f"{APPS}tests:\n  - {{request: {method} https://a.t.example/, destination: /, expect: deny}}\n"
    )

    assert str(mistake).endswith(f"destination is never of {method}; expected it beside BIND, COPY, MOVE, REBIND")


def test_a_failure_of_a_key_judges_it_as_a_request_does() -> None:
    """Of its scopes count those that its person may give, and it proves no login."""
    policy = policy_of(
        """
define:
  scopes: {a.read: Read, a.write: Write}
  key_scopes: {a.read: authenticated, a.write: {groups: staff}}
apps:
  a:
    hosts: a.t.example
    credentials: [session, api_key]
    allow: [{groups: staff}, {scopes: [a.read, a.write]}]
tests:
  - {request: GET https://a.t.example/, as: {credential: api_key, scopes: [a.read, a.write], mfa: 1m}, expect: allow}
"""
    )

    (failure,) = run_tests(policy, NOW)

    assert "leg 2 (p.yaml:9:30) scopes a.read a.write: no -> deny" in str(failure)
    assert "leg 1 (p.yaml:9:13) groups staff: no -> not for tokens" in str(failure)
    assert str(failure).endswith("somebody: groups -, api_key with the scopes a.read a.write")
