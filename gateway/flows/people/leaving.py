"""Disables the account of somebody who does not use it any more, as retention is configured."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

from gateway.flows.act import Act, Acts, RedisBehind
from gateway.flows.people.owners import LastOwner
from gateway.flows.people.users import disable_person

INACTIVE = "inactive"


async def disable_inactive(
    acts: Acts, tag_key: bytes, user_id: UUID, is_due: Callable[[Act, UUID], Awaitable[bool]]
) -> bool:
    """False: they came back, a hold was added, or nobody could give roles any more. Raises RecordUnavailable."""
    changed = False
    with suppress(RedisBehind, LastOwner):  # none of their logins lives that Redis would have to end
        async with acts.begin() as act:
            await act.admin_roles.lock_owners()
            await act.holds.wait_for_none()
            await act.users.lock(user_id)
            if not await is_due(act, user_id):
                return False
            changed = await disable_person(act, tag_key, user_id, why=INACTIVE)
            await act.leavers.forget(user_id)
    return changed
