"""Disables a breached password that somebody enters on a device that is no settled one (threats.md L1)."""

from gateway.core.audit.login_events import PasswordDisabled
from gateway.core.login.password import DISABLED
from gateway.core.mail.kinds import MailKind
from gateway.flows.act import Act
from gateway.flows.mail.notices import NoticeFacts, Notices
from gateway.flows.people.issuing import Visit
from gateway.stores.postgres.users import UserRow


async def disable_breached(act: Act, user: UserRow, notices: Notices, visit: Visit) -> None:
    """Only a mailed link or an operator sets another. The caller holds the person by the password that was entered, for
    a change.
    """
    await act.users.set_password(user.id, DISABLED, act.now)
    act.record(PasswordDisabled(user.id, "breached", visit.address_text, visit.user_agent))
    facts = NoticeFacts(visit.address_text, visit.user_agent)
    await notices.add(act, user, MailKind.PASSWORD_DISABLED, facts)
