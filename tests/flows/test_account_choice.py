"""Which account an app gets: one that the person chose, and the one that its ID token tells of."""

from dataclasses import replace

import pytest

from gateway.core.assurance.model import by_password
from gateway.core.oauth.errors import OAuthError
from gateway.core.principal.ask import LoginFacts
from gateway.core.session.person import Person
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.oauth.authorize import AskAccount, AskLogin, Visitor
from gateway.flows.oauth.par import Par
from gateway.flows.people.users import Newcomer
from tests.core.oauth.apps import asked, id_token
from tests.flows.authorizing import Ground, error_of, ground_of
from tests.flows.conftest import PASSWORD, Stage

EVE = Newcomer("eve", "Eve", "eve@example.org", ("staff",))


@pytest.fixture
async def ground(stage: Stage, par: Par) -> Ground:
    return await ground_of(stage, par)


async def another(ground: Ground) -> LiveLogin:
    """eve, who signs in now."""
    user_id = await ground.stage.admin.add(EVE, PASSWORD)
    presented = await ground.stage.sign_in(user_id)
    assert presented is not None
    now = ground.stage.clock.now
    person = Person(user_id, EVE.username, EVE.name, EVE.email, EVE.groups, 1)
    return LiveLogin(presented, person, LoginFacts(by_password(now), now + 43_200, now + 1800))


def hint_of(live: LiveLogin, client: str = "wiki") -> str:
    return id_token(aud=client, sub=f"u_{live.person.user_id.hex}")


async def chosen(ground: Ground, sealed: str, *, another: bool) -> str:
    sealed_again = await ground.authorize.choose(sealed, ground.visitor, another=another)
    assert isinstance(sealed_again, str)
    return sealed_again


async def test_an_account_is_chosen_once(ground: Ground) -> None:
    eve = await another(ground)
    ground.stage.clock.advance(1)
    sealed = await ground.sealed("wiki", prompt="select_account")
    asks = await ground.authorize.go_on(sealed, ground.visitor)
    assert isinstance(asks, AskAccount)
    assert (asks.person.username, asks.expected) == ("ada", True)
    assert isinstance(await ground.authorize.consent(sealed, ground.visitor, allows=True), AskAccount)

    sealed = await chosen(ground, sealed, another=False)

    await ground.code_of(await ground.authorize.go_on(sealed, ground.visitor))
    ground.live = eve  # in another tab, and before this request
    assert isinstance(await ground.authorize.go_on(sealed, ground.visitor), AskAccount)


async def test_another_account_is_asked_for_until_somebody_signs_in(ground: Ground) -> None:
    ground.stage.clock.advance(1)
    sealed = await chosen(ground, await ground.sealed("wiki", prompt="select_account"), another=True)

    for _ in range(2):
        asks = await ground.authorize.go_on(sealed, ground.visitor)
        assert isinstance(asks, AskLogin)
        assert asks.another
    ground.live = await another(ground)
    row = await ground.code_of(await ground.authorize.go_on(sealed, ground.visitor))
    assert row.user_id == ground.live.person.user_id


async def test_who_signs_in_during_the_request_has_chosen(ground: Ground) -> None:
    await ground.code_of(await ground.went_on("wiki", prompt="select_account"))
    assert isinstance(
        await ground.authorize.go_on(
            await ground.sealed("wiki", prompt="select_account"), Visitor(None, None, "r" * 32)
        ),
        AskLogin,
    )


async def test_a_hint_of_the_person_changes_nothing(ground: Ground) -> None:
    hint = hint_of(ground.live)

    await ground.code_of(await ground.went_on("wiki", id_token_hint=hint))
    await ground.code_of(await ground.went_on("wiki", id_token_hint=hint, prompt="none"))
    assert isinstance(
        await ground.authorize.go_on(await ground.sealed("wiki", id_token_hint=hint), Visitor(None, None, "r" * 32)),
        AskLogin,
    )


async def test_a_hint_of_somebody_else_asks_for_them(ground: Ground) -> None:
    """OpenID Connect Core 3.1.2.1: anybody else gets an error."""
    eve = await another(ground)
    hint = hint_of(eve)
    sealed = await ground.sealed("wiki", id_token_hint=hint)

    assert error_of(await ground.went_on("wiki", id_token_hint=hint, prompt="none")) == "login_required"
    asks = await ground.authorize.go_on(sealed, ground.visitor)
    assert isinstance(asks, AskAccount)
    assert not asks.expected
    assert error_of(await ground.authorize.choose(sealed, ground.visitor, another=False)) == "login_required"
    assert isinstance(await ground.authorize.consent(sealed, ground.visitor, allows=True), AskAccount)

    sealed = await chosen(ground, sealed, another=True)
    assert isinstance(await ground.authorize.go_on(sealed, ground.visitor), AskLogin)
    ada, ground.live = ground.live, eve
    await ground.code_of(await ground.authorize.go_on(sealed, ground.visitor))
    ground.live = replace(ada, token=replace(ada.token, credential=b"n" * 16))  # who signed in as ada once more
    assert isinstance(await ground.authorize.go_on(sealed, ground.visitor), AskAccount)


async def test_a_login_that_is_asked_for_anyhow_comes_before_the_account_page(ground: Ground) -> None:
    ground.stage.clock.advance(1)
    hint = hint_of(await another(ground))

    asks = await ground.went_on("wiki", id_token_hint=hint, prompt="login select_account")

    assert isinstance(asks, AskLogin)
    assert not asks.another


async def test_a_hint_that_is_none_of_ours_is_an_error_of_the_app(ground: Ground) -> None:
    for text in (hint_of(ground.live, "spa"), "x.y.z"):
        assert error_of(await ground.authorize.begin(asked("wiki", id_token_hint=text).items())) == "invalid_request"
    with pytest.raises(OAuthError, match="id_token_hint"):
        await ground.push(id_token_hint=hint_of(ground.live))
    uri = await ground.push(id_token_hint=hint_of(await another(ground), "pushes"), prompt="none")
    begun = await ground.authorize.begin({"client_id": "pushes", "request_uri": uri}.items())
    assert isinstance(begun, str)
    assert error_of(await ground.authorize.go_on(begun, ground.visitor)) == "login_required"


async def test_who_signed_out_meanwhile_signs_in_before_they_choose(ground: Ground) -> None:
    sealed = await ground.sealed("wiki", prompt="select_account")

    assert await ground.authorize.choose(sealed, Visitor(None, None, "r" * 32), another=True) == sealed
