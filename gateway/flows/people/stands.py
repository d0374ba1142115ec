"""Ends all that a person is in by: what reset, disown, a new password and disabling have in common."""

from collections.abc import Sequence
from uuid import UUID

from gateway.core.base64url import b64
from gateway.core.login.account_acts import FATES, AccountAct, Credential, Fate
from gateway.core.mail.links import LETS_IN
from gateway.core.session.tokens import tag_of
from gateway.flows.act import Act
from gateway.flows.oauth.back_channel import tell_apps
from gateway.flows.oauth.grants import end_offline_grants
from gateway.flows.people.api_keys import rest_keys


async def end_stands(act: Act, tag_key: bytes, user_id: UUID, by: AccountAct) -> Sequence[bytes]:
    """What the table of core/login/account_acts.py says; the ids of the logins that end by this.

    A caller that changes the person does so before: everybody locks the person first, then the logins. A code and a
    grant of a login end with it.
    """
    assert FATES[by][Credential.LOGIN] is Fate.ENDS
    ended = await act.logins.end_all(user_id, by.value, act.now)
    await tell_apps(act, ended)
    for credential, fate in FATES[by].items():
        match credential, fate:
            case Credential.OFFLINE_GRANT, Fate.ENDS:
                await end_offline_grants(act, tag_key, user_id, by.value)
            case Credential.API_KEY, Fate.RESTS | Fate.ENDS:  # of those that end, the caller deletes the rows too
                await rest_keys(act, tag_key, user_id)
            case Credential.ATTEMPT, Fate.ENDS:
                await act.attempts.delete_of(user_id)
            case Credential.LINK, Fate.ENDS:
                await act.links.use_all(user_id, LETS_IN, act.now)
            case Credential.OPERATOR_CODE, Fate.ENDS:
                await act.factors.remove_operator_codes(user_id)
            case Credential.ADMIN_TOKEN, Fate.ENDS:
                await act.admin_tokens.revoke_all(user_id, act.now)
            case _:
                pass
    return ended


async def tell_redis(act: Act, tag_key: bytes, user_id: UUID) -> None:
    """Redis hears of all logins of theirs that are over, also of what an earlier run could not tell it."""
    tag = tag_of(tag_key, user_id)
    for login_id in await act.logins.list_ended(user_id, act.now):
        act.ends("login", tag, b64(login_id))
    act.stales_person(tag)
