"""Keeps at least one owner whose role has no end, whatever takes one away: a page, a command, a date."""

from gateway.core.errors import GatewayError
from gateway.flows.act import Act


class LastOwner(GatewayError):
    """Nobody could give roles any more."""


async def refuse_no_owner(act: Act) -> None:
    """After an owner was taken away, in the same transaction, which has locked the owners before. Raises LastOwner."""
    if not await act.admin_roles.count_owners():
        raise LastOwner(
            "this is the last owner whose role has no end; make another one first: bastion admin grant NAME owner"
        )
