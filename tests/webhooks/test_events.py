"""Events reach those that asked for them, signed, with the words that they may have."""

import asyncio
from uuid import UUID

from aiohttp import web

from gateway.core.audit.catalogue import LoginFailed
from gateway.core.audit.people_events import UserAdded, UserDisabled
from gateway.flows.webhooks.levels import EndpointLevels
from gateway.metrics import Metrics
from gateway.stores.postgres.users import NewUser
from tests.receiver import Receiver, until, well
from tests.webhooks.house import Verifier, WebhookHouse, post_to_localhost

ADA = UUID(int=1)
ADDED = UserAdded(ADA, ("staff",), username="ada", name="Ada Lovelace", email="ada@example.org")


async def add_ada(house: WebhookHouse) -> None:
    async with house.acts.begin() as act:
        await act.users.add(NewUser(ADA, "ada", "Ada Lovelace", "ada@example.org", ("staff",), "hash"), act.now)


async def test_an_endpoint_gets_the_kinds_and_families_that_it_asked_for(
    house: WebhookHouse, receiver: Receiver, other_receiver: Receiver
) -> None:
    await add_ada(house)
    await house.happen(LoginFailed(None, "before", "", ""))
    first, second = Verifier(receiver), Verifier(other_receiver)
    _, first.secret = await house.add(receiver.url, "login_failed,family:people")
    _, second.secret = await house.add(other_receiver.url, "user_disabled")
    await house.happen(LoginFailed(None, "mark", "", ""), ADDED, UserDisabled(ADA, ("L",)))

    async with house.serving():
        await until(lambda: len(first.bodies) == 3 and len(second.bodies) == 1)

    failed, added, disabled = sorted(first.bodies, key=lambda body: body["data"]["position"])
    assert (failed["type"], failed["data"]["unknown_name"], failed["data"]["subject"]) == ("login_failed", "mark", None)
    assert (added["type"], added["data"]["groups"], added["data"]["actor"]) == ("user_added", ["staff"], "cli:root")
    assert added["data"]["subject"] == str(ADA)
    assert "personal" not in added
    assert second.bodies == [disabled]
    assert all("Ada" not in body and "ada@" not in body for _, _, body in receiver.heard)


async def test_personal_words_go_where_they_are_asked_for_until_the_person_is_erased(
    house: WebhookHouse, receiver: Receiver
) -> None:
    """The body is made at each attempt."""
    await add_ada(house)
    taking = Verifier(receiver)
    endpoint, taking.secret = await house.add(receiver.url, "user_added", personal=True)
    await house.happen(ADDED)
    async with house.serving():
        await until(lambda: len(taking.bodies) == 1)
    await house.rows("DELETE FROM user_keys")
    await house.admin.replay_from_position(endpoint, 1)
    async with house.serving():
        await until(lambda: len(taking.bodies) == 2)

    before, after = taking.bodies
    assert before["personal"] == {"username": "ada", "name": "Ada Lovelace", "email": "ada@example.org"}
    assert after == {**before, "personal": {}}
    assert taking.ids[0] == taking.ids[1]


async def test_all_attempts_have_one_id_and_each_its_own_time(house: WebhookHouse, receiver: Receiver) -> None:
    _, secret = await house.add(receiver.url, "login_failed")
    taking, refused = Verifier(receiver, secret), asyncio.Event()
    await house.fail_logins(1)

    async def refuse(_request: object) -> web.StreamResponse:
        house.clock.advance(2)
        refused.set()
        return web.Response(status=500)

    taking.answer = refuse
    async with house.serving():
        await refused.wait()
        taking.answer = well
        await until(lambda: len(taking.bodies) == 1)

    attempts = [headers for _, headers, _ in receiver.heard]
    assert len({one["webhook-id"] for one in attempts}) == 1
    assert len({one["webhook-timestamp"] for one in attempts}) == len(attempts) >= 2


async def test_two_secrets_sign_until_the_overlap_is_over(house: WebhookHouse, receiver: Receiver) -> None:
    endpoint, before = await house.add(receiver.url, "login_failed")
    after = await house.admin.rotate(endpoint, 60)
    taking = Verifier(receiver, before)

    async with house.serving():
        await house.fail_logins(1)
        await until(lambda: len(taking.bodies) == 1)
        taking.secret = after
        await house.fail_logins(1)
        await until(lambda: len(taking.bodies) == 2)
        house.clock.advance(60)
        await house.fail_logins(1)
        await until(lambda: len(taking.bodies) == 3)

    signatures = [headers["webhook-signature"] for _, headers, _ in receiver.heard]
    assert [len(one.split()) for one in signatures] == [2, 2, 1]
    assert before != after


async def test_address_and_secrets_are_stored_encrypted(house: WebhookHouse, receiver: Receiver) -> None:
    endpoint, secret = await house.add(receiver.url, "login_failed")
    await house.admin.rotate(endpoint, 60)
    await house.fail_logins(1)
    await house.follow.work()

    stored = str(await house.rows("SELECT * FROM endpoints")) + str(await house.rows("SELECT * FROM outbox"))
    stored += str(await house.rows("SELECT * FROM audit_entries"))
    assert "s3cret" not in stored
    assert secret.removeprefix("whsec_") not in stored
    assert endpoint in stored


async def test_what_tells_of_an_endpoint_does_not_go_there(
    house: WebhookHouse, receiver: Receiver, other_receiver: Receiver
) -> None:
    first, second = Verifier(receiver), Verifier(other_receiver)
    a, first.secret = await house.add(receiver.url, "family:delivery")
    b, second.secret = await house.add(other_receiver.url, "family:delivery")
    await house.admin.rotate(a, 60)
    await house.admin.rotate(b, 60)

    async with house.serving():
        await until(lambda: len(first.bodies) >= 2 and len(second.bodies) >= 2)
        await asyncio.sleep(0.2)

    assert {body["data"]["endpoint"] for body in first.bodies} == {b}
    assert {body["data"]["endpoint"] for body in second.bodies} == {a}


async def test_the_metrics_say_how_far_each_is_behind(house: WebhookHouse, receiver: Receiver) -> None:
    metrics = Metrics(2)
    levels = EndpointLevels(house.acts, metrics.slot(1))
    a, _ = await house.add(receiver.url, "login_failed")
    b, _ = await house.add(receiver.url, "login_failed")
    await house.link()
    await house.admin.replay_from_position(a, 1)
    await house.follow.work()
    await house.admin.pause(b)
    before = (await house.endpoint(b))[0].cursor
    await house.fail_logins(3)
    await house.follow.work()
    await levels.look()
    shown = metrics.render().decode()
    await house.admin.remove(a)
    await levels.look()

    assert f'bastion_webhook_behind{{endpoint="{a}"}} 3.0\n' in shown
    newest = (await house.rows("SELECT max(position) AS newest FROM audit_links"))[0]["newest"]
    assert f'bastion_webhook_behind{{endpoint="{b}"}} {newest - before}.0\n' in shown
    assert 'bastion_webhook_endpoints{state="paused"} 1.0\n' in shown
    assert 'bastion_webhook_endpoints{state="active"} 1.0\n' in shown
    assert a not in metrics.render().decode()
    assert b in metrics.render().decode()


async def test_a_message_of_no_entry_can_be_sent_for_a_try(house: WebhookHouse, receiver: Receiver) -> None:
    endpoint, secret = await house.add(receiver.url, "login_failed")
    taking = Verifier(receiver, secret)

    await house.admin.test(endpoint, post_to_localhost)

    assert taking.bodies[0]["type"] == "test"
    assert taking.bodies[0]["data"] == {"endpoint": endpoint}
