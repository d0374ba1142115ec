"""Holds a login that changes what later logins rest on, or makes what outlasts it: the one place that judges all."""

from gateway.core.assurance.change import FRESH, Lacking, LoginStanding, lacking
from gateway.core.errors import GatewayError
from gateway.core.risk.device import is_settled
from gateway.flows.act import Act
from gateway.flows.decide.decisions import LiveLogin


class MayNotChange(GatewayError):
    """lacking: what the login has to prove first."""

    def __init__(self, lacks: Lacking) -> None:
        super().__init__(
            "such a change needs a fresh login, with a second factor or on a device that is known for long"
        )
        self.lacking = lacks


async def lacking_for_change(act: Act, live: LiveLogin) -> Lacking | None:
    """What the login has to prove before it changes something; None: nothing."""
    enrolled = await act.factors.enrolled(live.person.user_id, act.now)
    known = await act.logins.origin(live.token.login_id)
    standing = LoginStanding(
        live.facts.assurance,
        has_factor=bool(enrolled),
        settled=known is not None and is_settled(known.first_at, known.logins, act.now),
        confirmed=known is not None and known.confirmed_at is not None,
    )
    return lacking(standing, act.now)


async def hold_for_change(act: Act, live: LiveLogin) -> None:
    """Nobody ends the login before the act is over: or a key would pass that was to rest with the others.

    A caller that locks the person does so before. Raises MayNotChange.
    """
    if not await act.logins.hold(live.token.login_id, act.now):
        raise MayNotChange(FRESH)
    await require_change(act, live)


async def require_change(act: Act, live: LiveLogin) -> None:
    """As it is now. Raises MayNotChange."""
    lacks = await lacking_for_change(act, live)
    if lacks is not None:
        raise MayNotChange(lacks)
