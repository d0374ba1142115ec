"""An API key in a test of a policy, and in an explanation, gets the answer of a real one."""

from collections import Counter
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import product
from typing import Final

from gateway.core.analysis.explain import explain
from gateway.core.analysis.simulate import Asked, Simulation, headers_of
from gateway.core.assurance.model import PWD, Assurance
from gateway.core.policy.facts import Actor
from gateway.core.token.api_key import terms_of
from tests.core.forward.keys import FILES, KEY_TEXT, POLICY, KeyCall, basic
from tests.core.forward.setting import NOW

PATHS: Final = ("/x", "/fresh/x", "/mfa/x", "/write/x", "/bound/x", "/hidden/x", "/spa/x", "/open/x", "/off/x")
WHERE: Final = (
    *((FILES, path) for path in PATHS),
    *((f"{name}.example.org", "/x") for name in ("dav", "keys", "hook", "pages", "tokens")),
)
SCOPES: Final = ((), ("files.read",), ("files.read", "files.write"), ("files.read", "groups", "profile"), ("gone",))
PEOPLE: Final = (("staff",), ("guests",), ("others",))
# How often each answer comes below: a step that is taken out of both changes some of it.
FREQUENT: Final = {("allow", 200): 86, ("deny", 403): 256, ("deny", 404): 18, ("login", 401): 60}
EVIL: Final = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}


@dataclass(frozen=True)
class Sent:
    host: str
    path: str
    scopes: tuple[str, ...]
    groups: tuple[str, ...]
    method: str
    headers: tuple[tuple[str, str], ...]

    def real(self) -> KeyCall:
        """By the place that its route takes keys from."""
        authorization, headers = f"Bearer {KEY_TEXT}", dict(self.headers)
        if self.host.startswith("dav."):
            authorization = basic(KEY_TEXT)
        elif self.host.startswith("hook."):
            authorization, headers = "", headers | {"x-gitlab-token": KEY_TEXT}
        return KeyCall(
            authorization,
            path=self.path,
            host=self.host,
            method=self.method,
            headers=headers,
            groups=self.groups,
            terms=terms_of(self.scopes, (self.host,), ()),
        )

    def asked(self) -> Asked:
        person = Actor("ada", frozenset(self.groups), Assurance(NOW, NOW, PWD), "api_key", "", frozenset(self.scopes))
        address = ip_address("198.51.100.7")
        return Asked(self.method, self.host, self.path, person, address, NOW, dict(self.headers), "api")


def test_a_simulated_key_gets_the_answer_of_a_real_one() -> None:
    ends = Counter[tuple[str, int]]()
    for (host, path), scopes, groups, (method, headers) in product(
        WHERE, SCOPES, PEOPLE, (("GET", ()), ("POST", tuple(EVIL.items())))
    ):
        sent = Sent(host, path, scopes, groups, method, headers)
        real, told = sent.real().answer(), Simulation(POLICY).answer(sent.asked())

        assert (told.outcome, told.status, told.route) == (real.outcome, real.status, real.route), sent
        for name in ("remote-user", "remote-groups", "www-authenticate", "cache-control"):
            assert told.headers.get(name) == headers_of(real).get(name), (name, sent)
        ends[real.outcome, real.status] += 1

    assert ends == FREQUENT


def test_an_explanation_counts_the_scopes_that_its_person_may_give() -> None:
    def explained(*groups: str) -> str:
        sent = Sent(FILES, "/write/x", ("files.read", "files.write"), groups, "GET", ())
        return "\n".join(explain(POLICY, sent.asked()))

    staff, guest = explained("staff"), explained("guests")

    assert "person   ada   groups guests   api_key with the scopes files.read files.write" in guest
    assert "leg 1: scopes files.read files.write: no   -> deny" in guest
    assert "answer   deny 403" in guest
    assert "leg 1: scopes files.read files.write: yes   -> allow" in staff
    assert "answer   allow 200" in staff


def test_an_explanation_says_that_a_key_meets_no_requirement() -> None:
    sent = Sent(FILES, "/mfa/x", ("files.read",), ("staff",), "GET", ())

    text = "\n".join(explain(POLICY, sent.asked()))

    assert "accepts  session, bearer, api_key" in text
    assert "answer   deny 403" in text
