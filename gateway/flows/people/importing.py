"""Takes people of another system over, each in an act of their own: whoever exists already stays as they are."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from gateway.core.audit.recovery_events import UserImported, UserInvited
from gateway.core.login.authelia import AutheliaPerson
from gateway.core.login.foreign import ForeignHash, read_foreign
from gateway.core.login.password import DISABLED
from gateway.core.mail.kinds import MailKind
from gateway.core.privacy.names import BadName, spelled
from gateway.flows.act import Act, Acts
from gateway.flows.people.passwords import Passwords
from gateway.flows.people.users import Newcomer, UserAdmin, check_newcomer
from gateway.stores.postgres.users import NameTaken, NameUsed, NewUser

_USER_ID_BYTES: Final = 16
ImportOutcome = Literal["imported", "invited", "exists", "left out"]


@dataclass(frozen=True, slots=True)
class ImportedPerson:
    """why: the scheme of the hash, or why it did not come over. Never the hash."""

    username: str
    outcome: ImportOutcome
    why: str


class _NothingKept(Exception):
    """Undoes an act that only tried."""


class _IsThere(Exception):
    """Somebody has the user name already."""


@dataclass(frozen=True, slots=True)
class Importing:
    """admin: with the name of who acts, and the way for invitations."""

    admin: UserAdmin

    async def take_over(self, arrivals: Iterable[AutheliaPerson], *, dry_run: bool) -> list[ImportedPerson]:
        """dry_run: nothing is written, and the answers are the same. Raises RecordUnavailable."""
        return [await self._take(one, dry_run=dry_run) for one in arrivals]

    async def _take(self, one: AutheliaPerson, *, dry_run: bool) -> ImportedPerson:
        newcomer = Newcomer(one.username, one.name, one.email, one.groups)
        try:
            groups = check_newcomer(newcomer)
        except BadName as error:
            return ImportedPerson(one.username, "left out", str(error))
        foreign = read_foreign(one.password)
        result = self._judge(one, foreign)
        try:
            async with self.admin.acts.begin(operator=self.admin.actor) as act:
                if result.outcome != "left out":
                    await self._add(act, one, groups, foreign, invited=result.outcome == "invited", keep=not dry_run)
        except _IsThere:
            return ImportedPerson(one.username, "exists", "nothing was changed")
        except NameUsed:
            return ImportedPerson(
                one.username,
                "left out",
                "the user name was somebody else's; `bastion user invite --reuse-name` takes it",
            )
        except NameTaken:
            return ImportedPerson(one.username, "left out", "somebody else has the user name or the e-mail address")
        except _NothingKept:
            pass
        return result

    def _judge(self, one: AutheliaPerson, foreign: ForeignHash | str) -> ImportedPerson:
        if isinstance(foreign, ForeignHash):
            return ImportedPerson(one.username, "imported", foreign.scheme)
        if one.disabled:
            return ImportedPerson(one.username, "imported", f"disabled, and without a password: {foreign}")
        if self.admin.notices.is_on and one.email:
            return ImportedPerson(one.username, "invited", foreign)
        return ImportedPerson(one.username, "left out", f"{foreign}, and there is no mail to invite them by")

    async def _add(
        self,
        act: Act,
        one: AutheliaPerson,
        groups: tuple[str, ...],
        foreign: ForeignHash | str,
        *,
        invited: bool,
        keep: bool,
    ) -> None:
        """Raises _IsThere, NameTaken, or _NothingKept where it is not to be kept."""
        admin = self.admin
        found = await act.users.find_by_name(one.username)
        if found is not None and spelled(found.username) == spelled(one.username):
            raise _IsThere
        user_id = UUID(bytes=admin.random(_USER_ID_BYTES), version=4)
        stored = admin.passwords.seal_imported(user_id, foreign) if isinstance(foreign, ForeignHash) else DISABLED
        # Their password is as old as the account was there, so a thief may know it.
        user = NewUser(user_id, one.username, one.name, one.email, groups, stored, fresh=invited)
        await act.users.add(user, act.now)
        if one.disabled:
            await act.users.set_state(user_id, "disabled", act.now)
        state = "disabled" if one.disabled else "active"
        scheme = foreign.scheme if isinstance(foreign, ForeignHash) else None
        act.record(UserImported(user_id, scheme, state, groups, one.username, one.name, one.email))
        if invited:
            act.record(UserInvited(user_id))
            await admin.notices.write(act, user_id, one.email, MailKind.INVITATION)
        if not keep:
            raise _NothingKept


@dataclass(frozen=True, slots=True)
class ImportedPace:
    """Of one process: wrong answers take as long as the slowest imported hash does, or their time would say whose is
    one.
    """

    acts: Acts
    passwords: Passwords

    async def keep(self) -> None:
        """Once a minute. Raises RecordUnavailable, PasswordsBusy."""
        async with self.acts.begin() as act:
            kinds = await act.users.imported_kinds()
        await self.passwords.pace(kinds)
