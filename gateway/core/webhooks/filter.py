"""Owns which entries of the audit log an endpoint gets."""

import json
from collections.abc import Sequence
from typing import Final

from gateway.core.audit.catalogue import CATALOGUE
from gateway.core.audit.chain import Stored
from gateway.core.audit.event import Family
from gateway.core.errors import GatewayError
from gateway.core.webhooks.endpoint import destination_of

_FAMILY: Final = "family:"
_FAMILIES: Final = {f"{_FAMILY}{family.name.lower()}": family for family in Family}
_FAMILY_OF: Final = {event.kind.value: event.about.family for event in CATALOGUE}


class UnknownEvents(GatewayError):
    """The message says which word, and what it could be."""


def read_filter(text: str) -> tuple[str, ...]:
    """`login_failed,family:people`: kinds and families. Raises UnknownEvents."""
    words = tuple(dict.fromkeys(word.strip() for word in text.split(",")))
    for word in words:
        if word not in _FAMILIES and word not in _FAMILY_OF:
            raise UnknownEvents(
                f"there are no events {word!r}; expected kinds as of `bastion audit kinds`, or one of"
                f" {', '.join(_FAMILIES)}"
            )
    return words


def gets(endpoint_id: str, words: Sequence[str], entry: Stored) -> bool:
    """What tells of deliveries to an endpoint does not go to that endpoint: it would cause the next (evidence.md E25).

    words: of read_filter, maybe of another version; what this one does not know matches nothing.
    """
    family = _FAMILY_OF.get(entry.kind)
    if family is Family.DELIVERY and _is_about(endpoint_id, entry):
        return False
    return entry.kind in words or any(_FAMILIES.get(word) is family for word in words if family is not None)


def _is_about(endpoint_id: str, entry: Stored) -> bool:
    detail: dict[str, object] = json.loads(entry.detail)
    return detail.get("endpoint") == endpoint_id or detail.get("destination") == destination_of(endpoint_id)
