"""Access reviews: a frozen list of people and of what they may open, and a decision on each by somebody else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from gateway.core.audit.compliance_events import ReviewDecided, ReviewFinished, ReviewStarted
from gateway.core.compliance.access import opens
from gateway.core.errors import GatewayError
from gateway.core.policy.model import Policy
from gateway.flows.act import Act, Acts
from gateway.flows.people.users import UserAdmin
from gateway.flows.policy.policy_fleet import FORGOTTEN_S
from gateway.stores.postgres.reviews import ReviewLine, ReviewRow
from gateway.stores.postgres.users import UserRow

ReviewDecision = Literal["keep", "remove"]
_LIVE_S: Final = 60.0


class ReviewRefused(GatewayError):
    """The review can't be begun, decided or finished so; the message says why."""


@dataclass(frozen=True, slots=True)
class NamedLine:
    """username, reviewer "": erased since, or nobody."""

    line: ReviewLine
    username: str
    reviewer: str


@dataclass(frozen=True, slots=True)
class ShownReview:
    row: ReviewRow
    lines: Sequence[NamedLine]


@dataclass(frozen=True, slots=True)
class ListedReview:
    """undecided: lines that are still to be decided, 0 of a finished one."""

    row: ReviewRow
    undecided: int


@dataclass(frozen=True, slots=True)
class AccessReviews:
    """actor: who acts, as the audit log names them. All of it raises RecordUnavailable and ReviewRefused."""

    acts: Acts
    actor: str

    async def start(self, policy: Policy, group: str, due_s: int) -> tuple[int, int]:
        """Its id, and how many lines it has. policy: refused where living workers enforce another one."""
        async with self.acts.begin(operator=self.actor) as act:
            live = {one.version for one in await act.policy_workers.all(FORGOTTEN_S) if one.silent_s < _LIVE_S}
            if live - {policy.version}:
                raise ReviewRefused("workers enforce another policy than the files of this node: reload it first")
            people = [one for one in await act.users.list() if not group or group in one.groups]
            if not people:
                raise ReviewRefused(f"nobody is in the group {group!r}" if group else "there is nobody to review")
            due_at = act.now + due_s
            review = await act.reviews.add(group, policy.version, act.now, self.actor, due_at)
            for one in people:
                reached = opens(policy, one.username, one.groups, act.now)
                await act.reviews.add_line(review, one.id, one.groups, one.state, reached)
            act.record(ReviewStarted(None, review, group, policy.version, len(people), due_at))
        return review, len(people)

    async def list(self) -> Sequence[ReviewRow]:
        async with self.acts.begin() as act:
            return await act.reviews.list()

    async def page(self, before: int | None, most: int) -> Sequence[ListedReview]:
        """The newest first. before: the last id of the page before."""
        async with self.acts.begin() as act:
            rows = await act.reviews.page(before, most)
            return [ListedReview(one, await _undecided(act, one)) for one in rows]

    async def show_page(self, review: int, after: UUID | None, most: int) -> ShownReview:
        """In the order of people's ids. after: the last person of the page before."""
        async with self.acts.begin() as act:
            row = await act.reviews.find(review)
            if row is None:
                raise _no_review(review)
            lines = await act.reviews.page_of_lines(review, after, most)
            ids = {one.user_id for one in lines} | {one.decided_by for one in lines if one.decided_by is not None}
            users = {one: await act.users.find(one) for one in ids}
        names = {one: user.username for one, user in users.items() if user is not None}
        return ShownReview(row, [_named(one, names) for one in lines])

    async def show(self, review: int) -> ShownReview:
        async with self.acts.begin() as act:
            row = await act.reviews.find(review)
            if row is None:
                raise _no_review(review)
            names = {one.id: one.username for one in await act.users.list()}
            lines = [_named(one, names) for one in await act.reviews.lines(review)]
        return ShownReview(row, sorted(lines, key=lambda one: one.username))

    async def decide(self, review: int, name: str, reviewer: str, decision: ReviewDecision, admin: UserAdmin) -> None:
        """A removal acts first: if this stops in between, the line is still to be decided, and doing it again is safe.

        Raises UnknownUser, and what UserAdmin raises.
        """
        async with self.acts.begin() as act:
            row, person, _ = await self._checked(act, review, name, reviewer)
        if decision == "remove" and row.group:
            await admin.change_groups(person.username, (), (row.group,))
        elif decision == "remove":
            await admin.disable(person.username)
        async with self.acts.begin(operator=self.actor) as act:
            _, person, by = await self._checked(act, review, name, reviewer)
            if not await act.reviews.decide(review, person.id, decision, by.id, act.now):
                raise ReviewRefused(f"{name} has no line in review {review} that is still to be decided")
            act.record(ReviewDecided(person.id, review, decision, str(by.id)))

    async def finish(self, review: int) -> None:
        async with self.acts.begin(operator=self.actor) as act:
            await self._open(act, review)
            lines = await act.reviews.lines(review)
            left = [one for one in lines if one.decision is None and await act.users.find(one.user_id) is not None]
            if left:
                raise ReviewRefused(f"{len(left)} lines of review {review} are still to be decided")
            await act.reviews.finish(review, self.actor, act.now)
            kept = sum(one.decision == "keep" for one in lines)
            act.record(ReviewFinished(None, review, kept, sum(one.decision == "remove" for one in lines)))

    async def _checked(self, act: Act, review: int, name: str, reviewer: str) -> tuple[ReviewRow, UserRow, UserRow]:
        """The review, the person and the reviewer."""
        row = await self._open(act, review)
        person, by = await act.users.named(name), await act.users.named(reviewer)
        if by.state != "active":
            raise ReviewRefused(f"{reviewer} is disabled, so they review nobody")
        if person.id == by.id or self.actor == f"cli:{person.username}":
            raise ReviewRefused(f"{name} can't review themselves; somebody else has to decide")
        undecided = {one.user_id for one in await act.reviews.lines(review) if one.decision is None}
        if person.id not in undecided:
            raise ReviewRefused(f"{name} has no line in review {review} that is still to be decided")
        return row, person, by

    async def _open(self, act: Act, review: int) -> ReviewRow:
        row = await act.reviews.lock(review)
        if row is None:
            raise _no_review(review)
        if row.finished_at is not None:
            raise ReviewRefused(f"review {review} is finished")
        return row


async def _undecided(act: Act, row: ReviewRow) -> int:
    return 0 if row.finished_at is not None else await act.reviews.count_undecided(row.id)


def _named(line: ReviewLine, names: Mapping[UUID, str]) -> NamedLine:
    reviewer = "" if line.decided_by is None else names.get(line.decided_by, "")
    return NamedLine(line, names.get(line.user_id, ""), reviewer)


def _no_review(review: int) -> ReviewRefused:
    return ReviewRefused(f"there is no review {review}; `bastion review list` shows them")
