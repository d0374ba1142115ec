"""Owns what a day that is past makes of a policy."""

from collections.abc import Iterator

from gateway.core.analysis.warning import PolicyWarning
from gateway.core.policy.conditions import All, Condition, Until
from gateway.core.policy.places import Place
from gateway.core.policy.route import Review


def review_due(review: Review | None, now: int) -> Iterator[PolicyWarning]:
    if review is not None and now >= review.at:
        yield PolicyWarning(
            review.place, "expired", f"the review was due on {review.day}; look at it, and set another day"
        )


def past(condition: Condition, place: Place, what: str, now: int) -> Iterator[PolicyWarning]:
    """what: the condition doesn't do any more."""
    for day in (leaf.day for leaf in _needed(condition) if isinstance(leaf, Until) and now >= leaf.ends_at):
        yield PolicyWarning(place, "expired", f"{what} any more: it held until {day}; take it out, or set another day")


def _needed(condition: Condition) -> Iterator[Condition]:
    """What all has to hold, as far as that can be told apart."""
    if isinstance(condition, All):
        for part in condition.parts:
            yield from _needed(part)
    else:
        yield condition
