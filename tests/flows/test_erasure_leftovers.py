"""What an erasure leaves for others to do: logout tokens and a farewell; and what it can not find."""

from dataclasses import replace

from gateway.core.base64url import unb64
from gateway.core.mail.kinds import MailKind
from gateway.core.mail.links import LinkKind
from gateway.core.oauth.code import CodeContent
from gateway.core.oauth.parameters import Parameters
from gateway.core.outbox.kinds import MessageKind
from gateway.flows.mail.notices import Notices
from gateway.flows.oauth.par import Par
from gateway.flows.people.users import Newcomer
from gateway.flows.privacy.erasure import Erasure
from tests.core.oauth.apps import apps, asked
from tests.flows.conftest import ADA, PASSWORD, Stage
from tests.flows.erasing import WORDS, everything, finished
from tests.waiting_mail import waiting_mail


async def test_no_pushed_request_and_no_code_holds_a_word_in_clear(stage: Stage, erasure: Erasure, par: Par) -> None:
    """X10. What a client pushes is nobody's yet, so it stays, sealed, until it is over."""
    user_id = await stage.admin.add(ADA, PASSWORD)
    session = await stage.sign_in(user_id)
    assert session is not None
    words = {"login_hint": "ada@example.org", "state": "lovelace", "nonce": "ada.lovelace"}
    await par.push(apps().clients["pushes"], Parameters.of(asked("pushes", **words).items()), "")
    claims = {"id_token": {"email": {"value": "ada@example.org"}}}
    content = CodeContent("https://a/cb", (), "", "", "ada.lovelace", "", claims, 0, 0, (), offline=False)
    async with stage.admin.acts.begin() as act:
        await act.codes.add(b"h" * 32, "wiki", user_id, unb64(session.login), content, act.now + 60)
    before = await everything(stage.pool)

    await finished(erasure, await erasure.erase("ada", "asked", "cli:root"))

    left = await everything(stage.pool)
    assert [word for word in WORDS if word in before] == []
    assert [word for word in WORDS if word in left] == []
    async with stage.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM pushed_requests") == 1
        assert await connection.fetchval("SELECT count(*) FROM codes") == 0


async def test_waiting_mail_goes_and_the_farewell_stays(stage: Stage, erasure: Erasure) -> None:
    notices = Notices(is_on=True, lifetimes_s=dict.fromkeys(LinkKind, 600), random=stage.random)
    user_id = await stage.admin.add(ADA, PASSWORD)
    async with stage.admin.acts.begin() as act:
        await notices.tell(act, user_id, MailKind.PASSWORD_CHANGED)
        await act.outbox.add(MessageKind.LOGOUT, "client/wiki", 1, b"{}", user_id=user_id)

    await replace(erasure, notices=notices).erase("ada", "asked", "cli:root")

    (farewell,) = await waiting_mail(stage.admin.acts)
    assert (farewell.kind, farewell.to) == (MailKind.FAREWELL, "ada@example.org")
    async with stage.pool.acquire() as connection:
        rows = await connection.fetch("SELECT kind, user_id FROM outbox ORDER BY kind")
    assert [tuple(row) for row in rows] == [("logout", user_id), ("notice", None)]
    left = await everything(stage.pool)
    assert [word for word in WORDS if word in left] == []


async def test_who_has_no_address_gets_no_farewell(stage: Stage, erasure: Erasure) -> None:
    notices = Notices(is_on=True, lifetimes_s={}, random=stage.random)
    await stage.admin.add(Newcomer("ada", "", "", ()), PASSWORD)

    await replace(erasure, notices=notices).erase("ada", "asked", "cli:root")

    assert await waiting_mail(stage.admin.acts) == []
