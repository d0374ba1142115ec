"""Tokens at a route: from one that comes in, one leg away at a time; and what a session is where tokens come in."""

from dataclasses import dataclass, replace
from typing import Final

import pytest

from gateway.core.assurance.model import OTP, PWD, Assurance
from gateway.core.assurance.need import Need
from gateway.core.policy.facts import Actor, Allow, Deny, Facts, Login, StepUp, Verdict
from gateway.core.policy.model import Policy
from gateway.core.policy.route import ENDED, NOT_AMONG_THEM, TOO_FEW_SCOPES, TOO_RISKY, UNBOUND, UNPROVEN_METHODS
from tests.core.policy.build import HOST, NOW, mistakes, policy_of, routed, who

CLIENTS: Final = """\
define: {scopes: {read: Read your notes, write: Change your notes}, networks: {office: 198.51.100.0/24}}
clients:
  notes:
    {name: Notes, type: spa, redirect_uris: https://n.example/cb, scopes: [read, write], allow: {groups: staff}}
  other: {name: Other, type: spa, redirect_uris: https://o.example/cb, scopes: read}
  batch: {name: Batch, type: service, secret: {env: BATCH}, scopes: read}
"""
IN: Final = Allow(identity=True, leg="leg 1")


@dataclass(frozen=True)
class Token:
    user: str = "ada"
    groups: tuple[str, ...] = ("staff",)
    credential: str = "bearer"
    client: str = "notes"
    scopes: tuple[str, ...] = ("read", "write")
    mfa_s: int | None = None
    since_s: int = 0

    def actor(self) -> Actor:
        mfa_at = 0 if self.mfa_s is None else NOW - self.mfa_s
        return Actor(
            self.user,
            frozenset(self.groups),
            Assurance(NOW - self.since_s, mfa_at, PWD | OTP),
            self.credential,
            self.client,
            frozenset(self.scopes),
            self.credential == "dpop",
        )


GOOD: Final = Token()
OWN: Final = Token(user="client:batch", groups=(), client="batch", scopes=("read",))


def policy(settings: str) -> Policy:
    return policy_of(f"{CLIENTS}apps: {{a: {{hosts: {HOST}, {settings}}}}}")


def judged(settings: str, person: Token | Actor | None) -> Verdict:
    actor = person.actor() if isinstance(person, Token) else person
    return routed(policy(settings), "/").route.judge(Facts(actor, None, NOW))


READ: Final = "credentials: [session, bearer, dpop], allow: {scopes: read, clients: notes}"


def test_a_token_comes_in_as_its_person_by_a_leg_that_names_scopes() -> None:
    assert judged(READ, GOOD) == IN
    assert judged(READ, replace(GOOD, credential="dpop")) == IN
    assert judged(READ, replace(GOOD, scopes=("read",))) == IN


@pytest.mark.parametrize(
    ("token", "verdict"),
    [
        (replace(GOOD, scopes=("write",)), Deny(TOO_FEW_SCOPES, ("read",))),
        (replace(GOOD, scopes=()), Deny(TOO_FEW_SCOPES, ("read",))),
        (replace(GOOD, client="other"), NOT_AMONG_THEM),
        (replace(GOOD, client="other", scopes=()), NOT_AMONG_THEM),
        (replace(GOOD, client="gone"), ENDED),
        (replace(GOOD, client=""), ENDED),
        (replace(GOOD, groups=("guests",)), ENDED),
        (replace(GOOD, credential="api_key"), Login()),
    ],
)
def test_a_token_that_lacks_something_does_not(token: Token, verdict: Verdict) -> None:
    assert judged(READ, token) == verdict


@pytest.mark.parametrize("credentials", ["session", "dpop", "[session, dpop]"])
def test_a_credential_that_the_route_does_not_accept_is_no_credential(credentials: str) -> None:
    allow = "allow: [{scopes: read}, {groups: staff}]"

    assert judged(f"credentials: [session, bearer], {allow}", GOOD) == IN
    if credentials != "session":
        assert judged(f"credentials: {credentials}, {allow}", GOOD) == Login()
    assert judged("allow: {groups: staff}", GOOD) == Login()


def test_a_session_comes_in_by_no_leg_on_tokens_and_a_token_by_no_other() -> None:
    both = "credentials: [session, bearer], allow: [{groups: staff}, {scopes: read}]"

    assert judged(both, who("staff")) == IN
    assert judged(both, GOOD) == Allow(identity=True, leg="leg 2")
    assert judged(both, who("guests")) == NOT_AMONG_THEM
    assert judged(both, replace(GOOD, scopes=("write",))) == Deny(TOO_FEW_SCOPES, ("read",))
    assert judged(both, None) == Login()
    assert judged(READ, who("staff")) == NOT_AMONG_THEM
    assert judged("credentials: bearer, allow: {scopes: read}", who("staff")) == Login()
    for everybody in ("authenticated", "{users: ada}", "{groups: staff}"):
        mixed = f"credentials: [session, bearer], allow: [{everybody}, {{scopes: write, clients: other}}]"
        assert judged(mixed, GOOD) == NOT_AMONG_THEM


def test_a_leg_on_tokens_and_people_needs_both() -> None:
    settings = "credentials: bearer, allow: {scopes: read, groups: ops}"

    assert judged(settings, replace(GOOD, groups=("staff", "ops"))) == IN
    assert judged(settings, GOOD) == NOT_AMONG_THEM
    assert judged(settings, replace(GOOD, groups=("staff", "ops"), scopes=())) == Deny(TOO_FEW_SCOPES, ("read",))


def test_all_scopes_of_a_leg_are_needed_and_one_leg_is_enough() -> None:
    settings = "credentials: bearer, allow: [{scopes: [read, write]}, {all: [{scopes: read}, {clients: other}]}]"

    assert judged(settings, GOOD) == IN
    assert judged(settings, replace(GOOD, scopes=("read",))) == Deny(TOO_FEW_SCOPES, ("read", "write"))
    assert judged(settings, replace(GOOD, client="other", scopes=("read",))) == Allow(identity=True, leg="leg 2")


def test_who_comes_in_as_nobody_does_so_with_a_token_too() -> None:
    settings = "credentials: [session, bearer], allow: [anyone, {scopes: read}], identity: optional"

    assert judged(settings, GOOD) == Allow(identity=True, leg="leg 2")
    assert judged(settings, replace(GOOD, scopes=())) == Allow(identity=False, leg="anyone")
    assert judged(settings, who("guests")) == Allow(identity=True, leg="anyone")


def test_a_denial_comes_before_everything_a_token_may() -> None:
    assert judged(f"{READ}, deny: {{clients: other}}", GOOD) == IN
    assert isinstance(judged(f"{READ}, deny: {{clients: notes}}", GOOD), Deny)
    assert isinstance(judged(f"{READ}, deny: {{groups: staff}}", GOOD), Deny)
    assert isinstance(judged(f"{READ}, deny: {{not: {{scopes: write}}}}", replace(GOOD, scopes=("read",))), Deny)


BOUND: Final = "credentials: [session, bearer, dpop], allow: [{groups: staff}, {scopes: read, require: {dpop: true}}]"


def test_only_a_token_that_is_bound_to_a_key_meets_dpop() -> None:
    assert judged(BOUND, replace(GOOD, credential="dpop")) == Allow(identity=True, leg="leg 2")
    assert judged(BOUND, GOOD) == UNBOUND
    assert judged(BOUND, replace(GOOD, scopes=())) == NOT_AMONG_THEM
    assert judged(BOUND, who("staff")) == IN
    everywhere = f"{READ}, require: {{dpop: true}}"
    assert judged(everywhere, replace(GOOD, credential="dpop")) == IN
    assert judged(everywhere, GOOD) == UNBOUND


def test_a_session_does_not_meet_dpop() -> None:
    settings = "credentials: [session, dpop], allow: [{groups: staff}, {scopes: read}], require: {dpop: true}"

    assert judged(settings, who("staff")) == NOT_AMONG_THEM
    assert judged(settings, replace(GOOD, credential="dpop")) == Allow(identity=True, leg="leg 2")


def test_a_person_can_prove_more_and_a_service_cannot() -> None:
    settings = "credentials: bearer, allow: {scopes: read}, require: {mfa: true, authenticated_within: 10m}"

    assert judged(settings, replace(GOOD, mfa_s=600, since_s=600)) == IN
    assert judged(settings, GOOD) == StepUp(Need(mfa=True, within_s=600))
    assert judged(settings, replace(GOOD, mfa_s=601)) == StepUp(Need(mfa=True, within_s=600))
    assert judged(settings, OWN) == NOT_AMONG_THEM
    assert judged("credentials: bearer, allow: {scopes: read}", OWN) == IN


def test_tokens_of_a_service_are_its_own() -> None:
    settings = "credentials: bearer, allow: {scopes: read}"

    assert judged(settings, replace(OWN, user="ada", groups=("staff",))) == ENDED
    assert judged(settings, replace(OWN, client="other")) == ENDED


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            "allow: {scopes: read}",
            (
                "the leg names scopes or clients, but only session is accepted here; expected bearer, dpop or "
                "api_key; write credentials: [session, bearer]"
            ),
        ),
        ("credentials: session, allow: {clients: notes}", "but only session is accepted here"),
        (
            "allow: {groups: staff}, routes: {x: {paths: /x, forward_credentials: true}}",
            "forward_credentials of a/x has nothing to forward",
        ),
        ("forward_credentials: maybe, allow: {groups: staff}", "forward_credentials"),
        ("credentials: bearer, allow: {groups: staff}", "a/rest accepts tokens alone, and no leg is for them"),
        (
            "credentials: bearer, allow: authenticated",
            "expected one that names scopes or clients; or write credentials",
        ),
        ("allow: {groups: staff}, require: {dpop: true}", "a/rest requires dpop, but doesn't accept it; write"),
        ("credentials: [session, bearer], allow: {scopes: read, require: {dpop: true}}", "but doesn't accept it"),
        ("credentials: [session, dpop], allow: {groups: staff}, require: {dpop: true}", "and no leg is for tokens"),
        ("credentials: bearer, allow: {clients: note}", "no client `note`; expected batch, notes, other; did you mean"),
        ("credentials: bearer, allow: {clients: wiki}", "or declare it, in `clients: {wiki: ...}`"),
        ("credentials: bearer, allow: {scopes: []}", "an empty list; expected a scope"),
        ("credentials: bearer, allow: {not: {clients: notes}}", "and holds without them too"),
        ("credentials: bearer, allow: {any: [{scopes: read}, {groups: staff}]}", "write a leg for people and one for"),
        ("credentials: bearer, allow: {groups: staff, not: {scopes: read}}", "and holds without them too"),
        ("credentials: bearer, allow: {any: [{scopes: read}, {networks: office}]}", "`any` over people and something"),
        ("credentials: [], allow: {scopes: read}", "an empty list; expected session, bearer, dpop"),
        (
            "credentials: {bearer: x}, allow: {scopes: read}",
            "`bearer` is no key of a place for API keys",
        ),
        ("credentials: berer, allow: {scopes: read}", "did you mean `bearer`?"),
    ],
)
def test_what_can_let_nobody_in_is_refused(settings: str, message: str) -> None:
    found = mistakes(f"{CLIENTS}apps: {{a: {{hosts: {HOST}, {settings}}}}}")

    assert any(message in one for one in found), found
    assert all(one.startswith("7:") for one in found)


def test_a_route_may_leave_tokens_out_and_inherit_the_legs() -> None:
    settings = (
        "credentials: [session, bearer], allow: [{groups: staff}, {scopes: read}], "
        "routes: {admin: {paths: /admin/**, credentials: session}, hook: {paths: /hook, allow: {scopes: write}}}"
    )
    found = policy(settings)
    admin, hook = routed(found, "/admin").route, routed(found, "/hook").route

    assert admin.credentials == {"session"}
    assert admin.judge(Facts(GOOD.actor(), None, NOW)) == Login()
    assert hook.judge(Facts(GOOD.actor(), None, NOW)) == IN
    assert isinstance(hook.judge(Facts(replace(GOOD, scopes=("read",)).actor(), None, NOW)), Deny)


def test_credentials_of_the_nearest_level_replace_the_others() -> None:
    found = policy_of(
        f"{CLIENTS}defaults: {{credentials: [session, dpop]}}\n"
        f"apps:\n  a: {{hosts: {HOST}, allow: {{scopes: read}}}}\n"
        "  b: {hosts: b.t.example, credentials: bearer, allow: {scopes: read}}\n"
        "  c: {hosts: c.t.example, allow: authenticated}\n"
    )

    assert routed(found, "/").route.credentials == {"session", "dpop"}
    assert routed(found, "/", host="b.t.example").route.credentials == {"bearer"}
    assert routed(found, "/", host="c.t.example").route.judge(Facts(who(), None, NOW)) == Allow(
        identity=True, leg="authenticated"
    )


@pytest.mark.parametrize(
    ("actor", "message"),
    [
        ("{scopes: read}", "client and scopes are of tokens; expected credential: bearer, dpop or api_key beside them"),
        ("{client: notes}", "client and scopes are of tokens"),
        ("{credential: bearer}", "credential: bearer without a client; expected client: NAME, of batch, notes, other"),
        ("{credential: bearer, client: note}", "no client `note`; expected batch, notes, other; did you mean `notes`?"),
        ("{credential: bearr, client: notes}", "did you mean `bearer`?"),
        ("{credential: api_key, client: notes}", "an API key is of a person, and of no client"),
        ("{credential: bearer, client: notes, scopes: []}", "an empty list; expected a scope"),
    ],
)
def test_an_actor_that_cannot_be(actor: str, message: str) -> None:
    asked = f"{{request: GET https://{HOST}/, as: {actor}, expect: deny}}"

    assert any(message in one for one in mistakes(f"{CLIENTS}tests: [{asked}]"))
    assert any(
        message in one for one in mistakes(f"{CLIENTS.replace('define: {', f'define: {{people: {{ada: {actor}}}, ')}")
    )


def test_actors_with_tokens() -> None:
    found = policy_of(
        f"{CLIENTS}apps: {{a: {{hosts: {HOST}, allow: nobody}}}}\ntests:\n"
        f"  - request: GET https://{HOST}/\n"
        "    expect: deny\n"
        "    as:\n"
        "      - {user: ada, credential: dpop, client: notes, scopes: [read, write]}\n"
        "      - {credential: bearer, client: batch, scopes: read}\n"
    )
    ada, batch = (one for one in found.tests[0].people if one is not None)

    assert (ada.user, ada.credential, ada.client) == ("ada", "dpop", "notes")
    assert ada.scopes == {"read", "write"}
    assert (batch.user, batch.credential, batch.client) == ("client:batch", "bearer", "batch")


def test_what_a_token_lacks_in_methods_is_no_step_up() -> None:
    settings = "credentials: bearer, allow: {scopes: read}, require: {mfa: true, amr: [pwd, otp]}"

    assert judged(settings, replace(GOOD, mfa_s=0)) == IN
    assert judged(settings, GOOD) == StepUp(Need(mfa=True, amr=PWD | OTP))  # a second factor can be asked for
    assert judged(settings.replace("otp", "hwk"), replace(GOOD, mfa_s=0)) is UNPROVEN_METHODS
    assert judged(settings, replace(OWN, mfa_s=None)) is NOT_AMONG_THEM


def test_a_score_that_is_too_high_is_not_told_as_missing_scopes() -> None:
    settings = "credentials: bearer, allow: {scopes: [read, write]}, require: {risk_below: 40}"

    assert judged(settings, GOOD) is TOO_RISKY
    assert judged(settings, replace(GOOD, scopes=("read",))) is NOT_AMONG_THEM
