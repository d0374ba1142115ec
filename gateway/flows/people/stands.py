"""Ends all that a person is in by: what reset, disown, a new password and disabling have in common."""

from collections.abc import Sequence
from uuid import UUID

from gateway.core.base64url import b64
from gateway.core.session.tokens import tag_of
from gateway.flows.act import Act
from gateway.flows.oauth.back_channel import tell_apps
from gateway.flows.oauth.grants import end_offline_grants
from gateway.flows.people.api_keys import rest_keys


async def end_stands(act: Act, tag_key: bytes, user_id: UUID, why: str) -> Sequence[bytes]:
    """All that the person is in by, and what goes on without a login; the ids of the logins that end by this.

    A caller that changes the person does so before: everybody locks the person first, then the logins.
    """
    ended = await act.logins.end_all(user_id, why, act.now)
    await tell_apps(act, ended)
    await end_offline_grants(act, tag_key, user_id, why)
    await rest_keys(act, tag_key, user_id)
    return ended


async def tell_redis(act: Act, tag_key: bytes, user_id: UUID) -> None:
    """Redis hears of all logins of theirs that are over, also of what an earlier run could not tell it."""
    tag = tag_of(tag_key, user_id)
    for login_id in await act.logins.list_ended(user_id, act.now):
        act.ends("login", tag, b64(login_id))
    act.stales_person(tag)
