"""A token in a test of a policy, and in an explanation, gets the answer of a real one."""

from collections import Counter
from dataclasses import dataclass, replace
from ipaddress import ip_address
from itertools import product
from typing import Final

from gateway.core.analysis.simulate import Asked, Simulation, headers_of
from gateway.core.assurance.model import by_password
from gateway.core.policy.facts import Actor
from gateway.core.session.tokens import Token
from tests.core.forward.setting import KEY, NOW, TOKEN
from tests.core.forward.tokens import HOST, POLICY, Call, bound, issue, prove

HOSTS: Final = (HOST, "machine.example.org", "vault.example.org", "pages.example.org")
PATHS: Final = ("/x", "/fresh/x", "/write/x", "/bound/x", "/hidden/x")
SCOPES: Final = (("notes.read",), ("notes.read", "notes.write", "groups"), ("openid",))
PEOPLE: Final = (("ada", "spa", ("staff",)), ("ada", "spa", ("guests",)), ("client:batch", "batch", ()))

# How often each answer comes below: a step that is taken out of both changes some of it.
FREQUENT: Final = {
    ("allow", 200): 211,
    ("deny", 403): 380,
    ("deny", 404): 32,
    ("login", 401): 450,
    ("step_up", 401): 7,
}


@dataclass(frozen=True)
class Sent:
    """Of a session no client and no scopes count."""

    credential: str
    host: str
    path: str
    scopes: tuple[str, ...]
    user: str
    client: str
    groups: tuple[str, ...]
    age_s: int

    @property
    def session(self) -> Token | None:
        return TOKEN if self.credential == "session" else None

    def real(self) -> Call:
        call = Call("", (), self.path, self.host, session=self.session, username=self.user, groups=self.groups)
        call = replace(call, authenticated_at=NOW - self.age_s)
        claims: dict[str, object] = {"audience": f"https://{self.host}", "scopes": self.scopes, "client": self.client}
        if self.credential == "bearer":
            return replace(call, authorization=f"Bearer {issue(KEY, **claims)}")
        if self.credential == "dpop":
            token = bound(**claims)
            return replace(
                call,
                authorization=f"DPoP {token}",
                proofs=(prove(token, htu=f"https://{self.host}{self.path}"),),
            )
        return call

    def asked(self) -> Asked:
        given = ("session", "", frozenset[str](), False)
        if self.credential != "session":
            given = (self.credential, self.client, frozenset(self.scopes), self.credential == "dpop")
        actor = Actor(self.user, frozenset(self.groups), by_password(NOW - self.age_s), *given)
        return Asked("GET", self.host, self.path, actor, ip_address("198.51.100.7"), NOW, {}, "api")


def test_a_simulated_token_gets_the_answer_of_a_real_one() -> None:
    ends = Counter[tuple[str, int]]()
    for credential, host, path, scopes, (user, client, groups), age_s in product(
        ("session", "bearer", "dpop"), HOSTS, PATHS, SCOPES, PEOPLE, (60, 3600)
    ):
        sent = Sent(credential, host, path, scopes, user, client, groups, age_s)
        real, told = sent.real().answer(), Simulation(POLICY).answer(sent.asked())
        headers = headers_of(real)

        assert (told.outcome, told.status, told.route) == (real.outcome, real.status, real.route), sent
        for name in ("remote-user", "remote-groups", "www-authenticate", "cache-control"):
            assert told.headers.get(name) == headers.get(name), (name, sent)
        ends[real.outcome, real.status] += 1

    assert ends == FREQUENT
