"""Holds: what an operator adds, so that nobody erases a person whose data somebody is entitled to see."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.audit.privacy_events import HoldAdded, HoldLifted
from gateway.core.errors import GatewayError
from gateway.flows.act import Acts
from gateway.flows.people.users import check_reason
from gateway.stores.postgres.holds import HoldRow
from gateway.stores.postgres.users import UnknownUser


class NoHold(GatewayError):
    """There is no such hold that stands."""


@dataclass(frozen=True, slots=True)
class Hold:
    """username "": everybody."""

    row: HoldRow
    username: str


@dataclass(frozen=True, slots=True)
class HoldAdmin:
    """actor: who acts, as the audit log names them. All of it raises RecordUnavailable."""

    acts: Acts
    actor: str

    async def add(self, name: str | None, reason: str, ends_at: int | None) -> int:
        """Its id. name None: everybody. ends_at: Unix seconds; None: until it is lifted.

        Waits for erasures that have begun. Raises UnknownUser, also of somebody who is being erased, or BadReason.
        """
        check_reason(reason)
        async with self.acts.begin(operator=self.actor) as act:
            await act.holds.wait_for_erasures()
            user_id = None if name is None else (await act.users.named(name)).id
            if user_id is not None and not await act.erasures.lock(user_id):
                raise UnknownUser(f"no person has the user name or e-mail {name!r}")
            hold = await act.holds.add(user_id, reason, self.actor, act.now, ends_at)
            act.record(HoldAdded(user_id, hold, ends_at, reason))
        return hold

    async def list(self) -> Sequence[Hold]:
        """Those that stand, the oldest first."""
        async with self.acts.begin() as act:
            found = []
            for row in await act.holds.list(act.now):
                user = None if row.user_id is None else await act.users.find(row.user_id)
                found.append(Hold(row, "" if user is None else user.username))
        return found

    async def lift(self, hold: int) -> None:
        """Raises NoHold."""
        async with self.acts.begin(operator=self.actor) as act:
            lifted, user_id = await act.holds.lift(hold, act.now)
            if not lifted:
                raise NoHold(f"no hold {hold} stands; `bastion hold list` shows the ids")
            act.record(HoldLifted(user_id, hold))
