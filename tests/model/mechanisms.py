"""What the protocol is made of. Taking one away must break the promise, or it has no business in the code."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mechanisms:
    """All of them: the code as it is. The tests take away one at a time."""

    # bastion.lua
    stamped_records: bool = True
    stamped_leases: bool = True
    stamped_codes: bool = True
    fill_needs_the_lease: bool = True
    fresh_tokens: bool = True
    stale_ends_the_lease: bool = True
    stale_leaves_an_end: bool = True
    looks_again: bool = True
    epoch_in_stamps: bool = True
    due: bool = True
    # flows/decide/refill.py, flows/decide/decisions.py
    lease_before_read: bool = True
    reads_the_primary: bool = True
    reads_the_person: bool = True
    asks_again_when_refused: bool = True
    # what changes something: flows/people/logout.py, handoff.py, login.py, account.py, users.py
    commit_before_redis: bool = True
    redis_before_answer: bool = True
    rotation_marks_stale: bool = True
    handoff_marks_stale: bool = True
    groups_mark_stale: bool = True
    retry_does_redis_again: bool = True
    only_refill_writes: bool = True
    holds_the_password: bool = True
    completion_ends_in_redis: bool = True
    marker_lasts: bool = True
    # around it
    old_primary_stops: bool = True


ALL = Mechanisms()
