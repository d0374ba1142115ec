"""Keeps at least one owner, whatever takes one away: a page, a command, the end of a role."""

from gateway.core.errors import GatewayError
from gateway.flows.act import Act


class LastOwner(GatewayError):
    """Nobody could give roles any more."""


async def refuse_no_owner(act: Act) -> None:
    """After an owner was taken away, in the same transaction, which has locked the owners before. Raises LastOwner."""
    if not await act.admin_roles.count_owners(act.now):
        raise LastOwner("this is the last owner; make another one first: bastion admin grant NAME owner")
