"""What every new password passes, whoever sets it: the rules, the breached ones, the person's earlier passwords."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.core.errors import GatewayError
from gateway.core.login.password import DISABLED
from gateway.core.password.breached import BreachVerdict
from gateway.core.password.rules import Complaint, PasswordRules, Rule, judge
from gateway.flows.act import Act
from gateway.flows.people.breaches import NO_CORPUS, Breaches
from gateway.flows.people.passwords import Passwords
from gateway.stores.postgres.users import UserRow

_CURRENT: Final = Complaint(Rule.HISTORY, "It is the current password.")
_USED_BEFORE: Final = Complaint(Rule.HISTORY, "The password was used before.")


class BadPassword(GatewayError):
    """The person may not have this password. The message says why and doesn't repeat it."""

    def __init__(self, complaints: Sequence[Complaint]) -> None:
        self.complaints = tuple(complaints)
        super().__init__(" ".join(one.words for one in complaints))


@dataclass(frozen=True, slots=True, repr=False)
class Owner:
    """Who is to have it. former: what the database has of them, the current one first.

    has_factor: the person also proves a second factor. caller: whose turn it takes. repr is left out: it is personal.
    """

    user_id: UUID
    names: tuple[str, ...]
    former: tuple[str, ...] = ()
    has_factor: bool = False
    caller: str = ""


@dataclass(frozen=True, slots=True)
class AcceptedPassword:
    """stored: what the database is to have. verdict: found, where the configuration lets breached ones pass."""

    stored: str
    verdict: BreachVerdict


@dataclass(frozen=True, slots=True)
class NewPasswords:
    """One for the process."""

    passwords: Passwords
    rules: PasswordRules
    breaches: Breaches = NO_CORPUS

    async def accept(self, owner: Owner, password: str) -> AcceptedPassword:
        """Raises BadPassword, PasswordsBusy."""
        wrong = await self.passwords.work(
            lambda: judge(password, owner.names, self.rules, has_factor=owner.has_factor), owner.caller
        )
        if wrong:
            raise BadPassword(wrong)
        verdict = await self.breaches.look(password)
        breached = self.breaches.complaint(verdict)
        if breached is not None:
            raise BadPassword([breached])
        for place, former in enumerate(owner.former):
            if await self.passwords.compare(owner.user_id, password, former, owner.caller):
                raise BadPassword([_USED_BEFORE if place else _CURRENT])
        return AcceptedPassword(await self.passwords.hash(owner.user_id, password, owner.caller), verdict)

    async def owner(self, act: Act, user: UserRow, caller: str = "") -> Owner:
        """As the transaction sees them."""
        former = await act.password_history.list(user.id, self.rules.history)
        names, has_factor = (user.username, user.name, user.email), bool(await act.factors.enrolled(user.id, act.now))
        return Owner(user.id, names, (user.password, *former), has_factor, caller)

    async def replace(self, act: Act, user_id: UUID, stored: str) -> str:
        """The one that it replaces, which goes into the history. Locks the person until the end."""
        before = await act.users.set_password(user_id, stored, act.now)
        if before != DISABLED:
            await act.password_history.add(user_id, before, self.rules.history, act.now)
        return before
