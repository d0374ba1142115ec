"""From a request that ends with a code, one thing changed at a time: on real stores, as the pages ask."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from gateway.core.assurance.model import OTP, PWD, Assurance, by_password
from gateway.core.assurance.need import Need
from gateway.core.oauth.code import CODE_S
from gateway.core.oauth.interaction import INTERACTION_S, Interaction, seal_interaction
from gateway.core.oauth.request import Unaddressed
from gateway.flows.enrolment import Enrolment
from gateway.flows.oauth.authorize import AskCode, AskConsent, AskEnrolment, AskLogin, ToApp, Visitor
from gateway.flows.oauth.par import PUSHED_S, Par
from tests.core.oauth.apps import API, CHALLENGE, ISSUER, asked
from tests.flows.authorizing import POLICY, Ground, error_of, ground_of
from tests.flows.conftest import Stage


@pytest.fixture
async def ground(stage: Stage, par: Par) -> Ground:
    return await ground_of(stage, par)


async def test_a_yes_brings_a_code_for_all_that_was_asked(ground: Ground) -> None:
    asks = await ground.went_on(scope="openid notes.read", nonce="n")
    row = await ground.allowed(scope="openid notes.read", nonce="n", dpop_jkt=CHALLENGE, claims='{"userinfo": {}}')

    assert isinstance(asks, AskConsent)
    assert asks.sentences == ("Know that it is you", "Read your notes")
    assert (row.client, row.user_id, row.login_id) == ("spa", ground.live.person.user_id, ground.live.token.login_id)
    assert (row.expires_at, row.used_at) == (ground.stage.clock.now + CODE_S, 0)
    content = row.content
    assert (content.redirect_uri, content.scopes) == ("https://spa.example.com/cb", ("openid", "notes.read"))
    assert (content.resource, content.code_challenge, content.nonce) == (API, CHALLENGE, "n")
    assert (content.jkt, content.claims, content.offline) == (CHALLENGE, {"userinfo": {}}, False)
    assert (content.authenticated_at, content.mfa_at, content.amr) == (ground.stage.clock.now, 0, ("pwd",))


async def test_an_answer_has_code_state_and_issuer(ground: Ground) -> None:
    answer = await ground.authorize.consent(await ground.sealed(), ground.visitor, allows=True)

    assert isinstance(answer, ToApp)
    assert list(answer.values) == ["code", "state", "iss"]
    assert len(answer.values["code"]) == 43


async def test_what_was_let_be_done_is_not_asked_again_and_more_is(ground: Ground) -> None:
    await ground.allowed(scope="openid notes.read")

    await ground.code_of(await ground.went_on(scope="openid notes.read"))
    await ground.code_of(await ground.went_on(scope="notes.read"))
    assert isinstance(await ground.went_on(scope="openid profile"), AskConsent)
    assert isinstance(await ground.went_on(scope="openid", resource=ISSUER), AskConsent)
    assert isinstance(await ground.went_on(scope="openid", prompt="consent"), AskConsent)
    await ground.allowed(scope="openid profile")
    await ground.code_of(await ground.went_on(scope="openid profile notes.read"))
    assert await ground.stage.entries("app_consent_given") == 2


async def test_a_withdrawn_consent_is_asked_for_again(ground: Ground) -> None:
    await ground.allowed()
    async with ground.authorize.acts.begin() as act:
        await act.app_consents.withdraw(ground.live.person.user_id, "spa", act.now)

    assert isinstance(await ground.went_on(), AskConsent)


async def test_a_no_is_the_persons_word(ground: Ground) -> None:
    answer = await ground.authorize.consent(await ground.sealed(), ground.visitor, allows=False)

    assert error_of(answer) == "access_denied"
    assert await ground.codes() == 0
    assert await ground.stage.entries("app_consent_given") == 0


async def test_nobody_is_asked_where_consent_is_implied(ground: Ground) -> None:
    await ground.code_of(await ground.went_on("wiki"))

    assert await ground.stage.entries("app_consent_given") == 0


async def test_a_stranger_has_to_sign_in(ground: Ground) -> None:
    stranger = Visitor(None, None, "")

    assert isinstance(await ground.authorize.go_on(await ground.sealed(), stranger), AskLogin)
    assert isinstance(await ground.authorize.consent(await ground.sealed(), stranger, allows=True), AskLogin)
    assert error_of(await ground.authorize.go_on(await ground.sealed(prompt="none"), stranger)) == "login_required"


async def test_a_login_has_to_be_as_fresh_as_is_asked(ground: Ground) -> None:
    ground.stage.clock.advance(61)

    assert isinstance(await ground.went_on("wiki", prompt="login"), AskLogin)
    assert isinstance(await ground.went_on("wiki", max_age="60"), AskLogin)
    await ground.code_of(await ground.went_on("wiki", max_age="61"))
    sealed = await ground.sealed("wiki", prompt="login")
    facts = ground.live.facts
    facts.assurance = by_password(ground.stage.clock.now)
    await ground.code_of(await ground.authorize.go_on(sealed, ground.visitor))


async def test_policy_says_who_may_use_an_app(ground: Ground) -> None:
    ground.live = replace(ground.live, person=replace(ground.live.person, groups=("guests",)))

    assert error_of(await ground.went_on("wiki")) == "access_denied"
    denied = await ground.authorize.consent(await ground.sealed("wiki"), ground.visitor, allows=True)
    assert error_of(denied) == "access_denied"


async def test_policy_may_want_a_second_factor(ground: Ground) -> None:
    asked = await ground.went_on("strong")

    assert isinstance(asked, AskLogin)
    assert asked.need == Need(mfa=True)
    assert error_of(await ground.went_on("strong", prompt="none")) == "login_required"


async def test_an_app_may_want_a_second_factor(ground: Ground) -> None:
    facts = ground.live.facts

    asked = await ground.went_on(acr_values="phr 2")
    assert isinstance(asked, AskLogin)
    assert asked.need == Need(acr="2")

    now = facts.assurance.authenticated_at
    facts.assurance = Assurance(now, now, PWD | OTP)
    assert not isinstance(await ground.went_on(acr_values="phr 2"), AskLogin)
    assert isinstance(await ground.went_on(acr_values="phr"), AskLogin)


async def test_what_outlasts_the_login_needs_more_than_being_signed_in(ground: Ground) -> None:
    """login-defence.md X3: as whoever makes a key or changes the password."""
    wanted = {"scope": "openid offline_access"}
    assert isinstance(await ground.went_on("spa", **wanted), AskConsent)
    sealed = await ground.sealed("spa", **wanted)

    async with ground.stage.pool.acquire() as connection:
        await connection.execute("UPDATE logins SET confirmed_at = NULL")

    assert isinstance(await ground.went_on("spa", **wanted), AskCode)
    assert isinstance(await ground.authorize.consent(sealed, ground.visitor, allows=True), AskCode)
    assert error_of(await ground.went_on("spa", prompt="none", **wanted)) == "login_required"
    assert not isinstance(await ground.went_on("spa", scope="openid"), AskCode)
    ground.stage.clock.advance(601)
    asked = await ground.went_on("spa", **wanted)
    assert isinstance(asked, AskLogin)
    assert asked.need == Need(within_s=600)


async def test_policy_may_want_a_fresh_login(ground: Ground) -> None:
    ground.stage.clock.advance(601)
    uri = await ground.push()

    begun = await ground.authorize.begin({"client_id": "pushes", "request_uri": uri}.items())

    assert isinstance(begun, str)
    assert isinstance(await ground.authorize.go_on(begun, ground.visitor), AskLogin)


async def test_without_a_page_nothing_is_asked(ground: Ground) -> None:
    assert error_of(await ground.went_on(prompt="none")) == "consent_required"
    await ground.allowed()
    await ground.code_of(await ground.went_on(prompt="none"))
    ground.stage.clock.advance(61)
    assert error_of(await ground.went_on(prompt="none", max_age="60")) == "login_required"


async def test_another_person_than_the_one_that_is_asked_for_gets_nothing(ground: Ground) -> None:
    def claims(user: UUID) -> str:
        return f'{{"id_token": {{"sub": {{"value": "u_{user.hex}"}}}}}}'

    await ground.code_of(await ground.went_on("wiki", claims=claims(ground.live.person.user_id)))
    assert error_of(await ground.went_on("wiki", claims=claims(UUID(int=7)))) == "login_required"


async def test_an_error_goes_to_the_app_before_anybody_signs_in(ground: Ground) -> None:
    assert error_of(await ground.authorize.begin(asked(scope="admin").items())) == "invalid_scope"
    assert error_of(await ground.authorize.begin(asked(code_challenge="").items())) == "invalid_request"


async def test_a_request_that_is_too_long_has_to_be_pushed(ground: Ground) -> None:
    answer = await ground.authorize.begin(asked(nonce="n" * 6_000).items())

    assert error_of(answer) == "invalid_request"
    assert isinstance(answer, ToApp)
    assert "push it" in answer.values["error_description"]


async def test_an_unknown_app_gets_no_answer(ground: Ground) -> None:
    with pytest.raises(Unaddressed):
        await ground.authorize.begin(asked(client_id="nobody").items())


async def test_policy_is_asked_again_at_each_step(ground: Ground) -> None:
    sealed = await ground.sealed("wiki")
    ground.policy = replace(POLICY, clients={name: one for name, one in POLICY.clients.items() if name != "wiki"})

    for step in (
        ground.authorize.go_on(sealed, ground.visitor),
        ground.authorize.consent(sealed, ground.visitor, allows=True),
    ):
        with pytest.raises(Unaddressed):
            await step


@pytest.mark.parametrize(("after_s", "open_"), [(INTERACTION_S, True), (INTERACTION_S + 1, False)])
async def test_a_request_is_open_for_an_hour(ground: Ground, after_s: int, open_: bool) -> None:
    sealed = await ground.sealed()
    ground.stage.clock.advance(after_s)

    if open_:
        assert isinstance(await ground.authorize.go_on(sealed, ground.visitor), AskConsent)
    else:
        with pytest.raises(Unaddressed):
            await ground.authorize.go_on(sealed, ground.visitor)


async def test_a_request_that_we_did_not_seal_is_none(ground: Ground) -> None:
    interaction = Interaction("spa", asked(), "", ground.stage.clock.now)
    forged = seal_interaction(b"x" * 32, interaction, b"n" * 12)

    for text in ("", "v1.", forged or ""):
        with pytest.raises(Unaddressed):
            await ground.authorize.go_on(text, ground.visitor)


async def test_an_ended_login_gets_no_code(ground: Ground) -> None:
    """What Redis said a moment ago may be over when the code is written."""
    async with ground.authorize.acts.begin() as act:
        await act.logins.end(ground.live.token.login_id, "logout", act.now)

    assert isinstance(await ground.went_on("wiki"), AskLogin)
    assert isinstance(await ground.authorize.consent(await ground.sealed(), ground.visitor, allows=True), AskLogin)
    assert await ground.codes() == 0
    assert await ground.stage.entries("app_consent_given") == 0


async def test_a_pushed_request_may_be_opened_often_and_is_used_once(ground: Ground) -> None:
    uri = await ground.push(scope="openid notes.read", resource=API, jkt=CHALLENGE)
    sent = {"client_id": "pushes", "request_uri": uri, "scope": "ignored", "redirect_uri": "https://evil.example"}
    first, second = [await ground.authorize.begin(sent.items()) for _ in range(2)]

    assert isinstance(first, str)
    assert isinstance(second, str)
    assert isinstance(await ground.authorize.go_on(first, ground.visitor), AskConsent)
    ground.stage.clock.advance(PUSHED_S + 1)
    row = await ground.code_of(await ground.authorize.consent(second, ground.visitor, allows=True))
    assert (row.content.scopes, row.content.jkt) == (("openid", "notes.read"), CHALLENGE)
    for again in (first, second):
        with pytest.raises(Unaddressed):
            await ground.authorize.consent(again, ground.visitor, allows=True)
    with pytest.raises(Unaddressed):
        await ground.authorize.begin(sent.items())


async def test_a_pushed_request_is_used_once_by_many_at_once(ground: Ground) -> None:
    sealed = await ground.authorize.begin({"client_id": "pushes", "request_uri": await ground.push()}.items())
    assert isinstance(sealed, str)

    tries = (ground.authorize.consent(sealed, ground.visitor, allows=True) for _ in range(4))
    answers = await asyncio.gather(*tries, return_exceptions=True)

    assert sum(isinstance(one, ToApp) and "code" in one.values for one in answers) == 1
    assert all(isinstance(one, (ToApp, Unaddressed)) for one in answers)
    assert await ground.codes() == 1


async def test_a_pushed_request_is_its_clients_own_and_timely(ground: Ground) -> None:
    uri = await ground.push()

    with pytest.raises(Unaddressed):
        await ground.authorize.begin({"client_id": "spa", "request_uri": uri}.items())
    with pytest.raises(Unaddressed):
        await ground.authorize.begin({"client_id": "pushes", "request_uri": uri[:-1] + "A"}.items())
    ground.stage.clock.advance(PUSHED_S)
    assert isinstance(await ground.authorize.begin({"client_id": "pushes", "request_uri": uri}.items()), str)
    ground.stage.clock.advance(1)
    with pytest.raises(Unaddressed):
        await ground.authorize.begin({"client_id": "pushes", "request_uri": uri}.items())


async def test_no_parameter_of_a_pushed_request_lies_in_clear(ground: Ground) -> None:
    uri = await ground.push(nonce="geheim")
    async with ground.stage.pool.acquire() as connection:
        row = await connection.fetchrow("SELECT * FROM pushed_requests")

    assert row is not None
    text = str([*row.values()])
    assert "geheim" not in text
    assert uri.rpartition(":")[2] not in text


async def test_what_waits_too_long_is_deleted(ground: Ground) -> None:
    await ground.push()
    await ground.allowed()
    ground.stage.clock.advance(2 * INTERACTION_S)

    await ground.authorize.pushed.purge()

    assert await ground.codes() == 0
    async with ground.stage.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM pushed_requests") == 0


async def test_a_person_who_has_to_set_up_a_second_factor_gets_no_code_before(ground: Ground) -> None:
    ground.authorize = replace(ground.authorize, enrolment=Enrolment(frozenset({"staff"}), 0))

    assert isinstance(await ground.went_on(), AskEnrolment)
    assert isinstance(await ground.authorize.consent(await ground.sealed(), ground.visitor, allows=True), AskEnrolment)
    silent = await ground.went_on(prompt="none")
    assert isinstance(silent, ToApp)
    assert silent.values["error"] == "interaction_required"
    assert await ground.codes() == 0
