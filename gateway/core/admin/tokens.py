"""Owns what a token for the console's API is worth: never more than its person may do at this moment (ui.md X9)."""

from dataclasses import dataclass

from gateway.core.addresses import Address
from gateway.core.admin.acts import AdminRole, covers
from gateway.core.policy.networks import NetworkSet


@dataclass(frozen=True, slots=True)
class TokenTerms:
    """As they were set when it was made. expires_at: Unix seconds."""

    role: AdminRole
    networks: NetworkSet
    expires_at: int
    is_revoked: bool


def worth(terms: TokenTerms, maker: AdminRole | None, address: Address | None, now: int) -> AdminRole | None:
    """The role that it acts with; None: it is no token now.

    maker: the role of its person, None where they have none or are not active. address None: not known, so in no
    network.
    """
    if terms.is_revoked or now >= terms.expires_at:
        return None
    if address is None or address not in terms.networks:
        return None
    return lower(maker, terms.role)


def lower(maker: AdminRole | None, of_token: AdminRole) -> AdminRole | None:
    """What a token of this role is worth in the hands of who made it; None: nothing."""
    return of_token if maker is not None and covers(maker, of_token) else None
