"""Authorization requests on real stores, as the pages ask, with ada in front of the browser."""

from dataclasses import dataclass

from gateway.core.assurance.model import by_password
from gateway.core.oauth.code import authorization_code_hash
from gateway.core.oauth.parameters import Parameters
from gateway.core.policy.model import Policy
from gateway.core.principal.ask import LoginFacts
from gateway.core.session.person import Person
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.oauth.authorize import AskConsent, Asking, Authorize, ToApp, Visitor
from gateway.flows.oauth.par import Par
from gateway.stores.postgres.codes import CodeRow, Codes
from tests.core.oauth.apps import ISSUER, PUBLISHED, apps, asked
from tests.flows.conftest import ADA, KEYS, PASSWORD, Stage

POLICY = apps()


@dataclass(slots=True)
class Ground:
    """policy: as a reload leaves it. live: ada, signed in when the test began."""

    stage: Stage
    authorize: Authorize
    par: Par
    live: LiveLogin
    policy: Policy

    @property
    def visitor(self) -> Visitor:
        return Visitor(self.live, None, "r" * 32)

    async def sealed(self, client: str = "spa", **changed: str) -> str:
        begun = await self.authorize.begin(asked(client, **changed).items())
        assert isinstance(begun, str), begun
        return begun

    async def went_on(self, client: str = "spa", **changed: str) -> ToApp | Asking | AskConsent:
        return await self.authorize.go_on(await self.sealed(client, **changed), self.visitor)

    async def allowed(self, client: str = "spa", **changed: str) -> CodeRow:
        """The code that follows a yes."""
        answer = await self.authorize.consent(await self.sealed(client, **changed), self.visitor, allows=True)
        return await self.code_of(answer)

    async def code_of(self, answer: ToApp | Asking | AskConsent) -> CodeRow:
        assert isinstance(answer, ToApp), answer
        hash_ = authorization_code_hash(answer.values.get("code", ""))
        assert hash_ is not None, answer.values
        async with self.stage.pool.acquire() as connection, connection.transaction():
            row = await Codes(connection, self.stage.vault).lock(hash_)
        assert row is not None
        return row

    async def codes(self) -> int:
        async with self.stage.pool.acquire() as connection:
            return int(await connection.fetchval("SELECT count(*) FROM codes"))

    async def push(self, client: str = "pushes", jkt: str = "", **changed: str) -> str:
        return await self.par.push(POLICY.clients[client], Parameters.of(asked(client, **changed).items()), jkt)


async def ground_of(stage: Stage, par: Par) -> Ground:
    acts = stage.admin.acts
    ground: Ground

    def policy() -> Policy:
        return ground.policy

    user_id = await stage.admin.add(ADA, PASSWORD)
    presented = await stage.sign_in(user_id)
    assert presented is not None
    now = stage.clock.now
    person = Person(user_id, ADA.username, ADA.name, ADA.email, ADA.groups, 1)
    live = LiveLogin(presented, person, LoginFacts(by_password(now), now + 43_200, now + 1800))
    authorize = Authorize(acts, KEYS, par.pushed, policy, lambda: PUBLISHED, stage.random)
    ground = Ground(stage, authorize, par, live, POLICY)
    return ground


def error_of(answer: object) -> str:
    assert isinstance(answer, ToApp), answer
    assert answer.values["iss"] == ISSUER
    assert answer.values["state"] == "s t&te"
    assert "code" not in answer.values
    return answer.values["error"]
