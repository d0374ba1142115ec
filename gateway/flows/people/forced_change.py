"""Completes a login whose password is a breached one, with a new password in its place (threats.md L1)."""

from dataclasses import dataclass
from typing import Final

from gateway.core.assurance.steps import PASSWORD
from gateway.core.audit.people_events import PasswordChanged
from gateway.core.base64url import b64
from gateway.core.login.account_acts import AccountAct
from gateway.core.login.pre_login import attempt_hash
from gateway.core.mail.kinds import MailKind
from gateway.flows.act import Act, Acts
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.mail.notices import NoticeFacts
from gateway.flows.people.issuing import Entering, Issuing, SignedIn, Visit
from gateway.flows.people.new_passwords import AcceptedPassword, NewPasswords
from gateway.flows.people.risk import Risk
from gateway.flows.people.second_step import Gone, SomebodyElses
from gateway.flows.people.stands import end_stands, tell_redis
from gateway.flows.people.throttle import ChangeThrottle
from gateway.stores.postgres.attempts import AttemptRow
from gateway.stores.postgres.users import UserRow

_CHANGES: Final = "change"


@dataclass(frozen=True, slots=True)
class ChangeAsked:
    """Whose login waits for a new password. least: characters. history: how many former ones are refused."""

    user_id_text: str
    username: str
    least: int
    history: int


@dataclass(frozen=True, slots=True)
class ForcedChange:
    """All of it raises RecordUnavailable. Whoever has an attempt that waits for this has proven all else."""

    acts: Acts
    new: NewPasswords
    risk: Risk
    issuing: Issuing
    changes: ChangeThrottle

    async def waiting(self, cookie: str) -> ChangeAsked | None:
        """None: no login of this browser waits for a new password."""
        async with self.acts.begin() as act:
            found = await self._find(act, cookie)
            if found is None:
                return None
            user, has_factor = found[1], bool(await act.factors.enrolled(found[1].id, act.now))
        rules = self.new.rules
        return ChangeAsked(str(user.id), user.username, rules.least_chars(has_factor=has_factor), rules.history)

    async def change(
        self, cookie: str, shown_for: str, password: str, visit: Visit, current: LiveLogin | None
    ) -> SignedIn | Gone | SomebodyElses:
        """All logins of the person end, and this one is made. shown_for: ChangeAsked.user_id_text of the page.

        Raises BadPassword, PasswordsBusy, TooManyAttempts, StoreUnavailable; and RedisBehind after the commit.
        """
        async with self.acts.begin() as act:
            found = await self._find(act, cookie)
            if found is None:
                return Gone()
            row, user = found
            owner = await self.new.owner(act, user)
        if str(user.id) != shown_for:
            return SomebodyElses()
        await self.changes.before(user.id)
        accepted = await self.new.accept(owner, password)
        async with self.acts.begin(request_id=visit.request_id) as act:
            held = await act.users.lock_password(user.id, user.password)
            if not held or await act.attempts.hold(row.hash, act.now) is None:
                return Gone()
            return await self._replace(act, row, user, accepted, visit, current)

    async def _find(self, act: Act, cookie: str) -> tuple[AttemptRow, UserRow] | None:
        hash_ = attempt_hash(cookie)
        row = None if hash_ is None else await act.attempts.find(hash_, act.now)
        if row is None or row.waits_for != _CHANGES:
            return None
        user = await act.users.find(row.user_id)
        return None if user is None or user.state != "active" else (row, user)

    async def _replace(
        self,
        act: Act,
        row: AttemptRow,
        user: UserRow,
        accepted: AcceptedPassword,
        visit: Visit,
        current: LiveLogin | None,
    ) -> SignedIn:
        """The attempt goes with the password that it rests on."""
        await self.new.replace(act, user.id, accepted.stored)
        ended = await end_stands(act, self.issuing.keys.tag, user.id, AccountAct.PASSWORD_SET)
        act.record(PasswordChanged(user.id, tuple(map(b64, ended)), "changed_by_person"))
        assessed = self.risk.after(await self.risk.assess(act, user.id, visit.source), accepted.verdict)
        proofs = (PASSWORD, *row.proofs)
        entering = Entering(user.id, row.name, proofs, row.persistent, visit, assessed, confirmed=row.confirmed)
        issued = await self.issuing.sign_in(act, entering, current)
        facts = NoticeFacts(visit.address_text, visit.user_agent)
        await self.issuing.notices.add(act, user, MailKind.PASSWORD_CHANGED, facts)
        await tell_redis(act, self.issuing.keys.tag, user.id)
        return issued
