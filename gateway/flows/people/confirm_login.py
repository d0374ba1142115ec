"""Confirms a live login with a code, so that it may change what later logins rest on (login-defence.md L10)."""

from dataclasses import dataclass

from gateway.core.assurance.change import CodeNeeded
from gateway.core.assurance.model import amr_values
from gateway.core.audit.factor_events import FactorFailed, SteppedUp
from gateway.core.login.mail_code import MAIL_CODE_S
from gateway.flows.act import Acts
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.mail.notices import NoticeFacts
from gateway.flows.may_change import lacking_for_change
from gateway.flows.people.confirming import Confirming
from gateway.flows.people.issuing import Visit
from gateway.flows.people.throttle import FactorThrottle
from gateway.stores.postgres.attempts import MOST_TRIES


@dataclass(frozen=True, slots=True)
class ConfirmForm:
    """needed: a code would help this login. can_mail: it can be mailed. waits: one was, and can be entered."""

    needed: bool
    can_mail: bool
    waits: bool


@dataclass(frozen=True, slots=True)
class ConfirmLogin:
    """All of it raises RecordUnavailable."""

    acts: Acts
    confirming: Confirming
    throttle: FactorThrottle

    async def form(self, live: LiveLogin) -> ConfirmForm:
        async with self.acts.begin() as act:
            user = await act.users.find(live.person.user_id)
            needed = isinstance(await lacking_for_change(act, live), CodeNeeded)
            waits = await act.logins.expected_code(live.token.login_id, act.now, MOST_TRIES) is not None
        return ConfirmForm(needed, user is not None and self.confirming.can_mail(user), waits)

    async def send(self, live: LiveLogin, visit: Visit) -> bool:
        """False: none was sent, because there is no way or there were too many."""
        login_id, facts = live.token.login_id, NoticeFacts(visit.address_text, visit.user_agent)
        async with self.acts.begin(request_id=visit.request_id) as act:
            user = await act.users.find(live.person.user_id)
            if user is None or not await act.logins.hold(login_id, act.now):
                return False
            mailed = await self.confirming.send(act, user, login_id, facts)
            if mailed is not None:
                await act.logins.expect_code(login_id, mailed, act.now + MAIL_CODE_S)
        return mailed is not None

    async def confirm(self, live: LiveLogin, typed: str, visit: Visit) -> bool:
        """False: wrong, used before, or too old. Raises TooManyAttempts, StoreUnavailable."""
        login_id, user_id = live.token.login_id, live.person.user_id
        await self.throttle.before(str(user_id), "")
        where = (visit.address_text, visit.user_agent)
        async with self.acts.begin(request_id=visit.request_id) as act:
            if not await act.logins.hold(login_id, act.now):
                return False
            mailed = await act.logins.expected_code(login_id, act.now, MOST_TRIES)
            if not await self.confirming.take(act, user_id, typed, login_id, mailed):
                await act.logins.count_code_try(login_id)
                act.record(FactorFailed(user_id, "confirm", *where))
                return False
            await act.logins.set_confirmed(login_id, act.now)
            act.record(SteppedUp(user_id, live.token.login, amr_values(live.facts.assurance), *where))
        return True
