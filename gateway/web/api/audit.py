"""The audit log and the fleet: /admin/audit and /admin/fleet as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from gateway.core.admin.acts import AdminAct
from gateway.flows.admin.overview import ConsoleOverview, EntriesFound, EntriesWanted
from gateway.flows.admin.people import NobodyThere
from gateway.flows.evidence.audit_entries import Listed
from gateway.web.api.operation import AnyOperation, Call, Operation
from gateway.web.api.shapes import ApiAnswer, Before, Given, Nothing

Kind = Annotated[str, Field(pattern="^[a-z_]{0,64}$", description="A kind of docs/events.md; empty for all.")]


class EntriesAsked(Given):
    kind: Kind = ""
    before: Before = 0


class EntriesOfPerson(Given):
    """The latest of one person. A name stands in no URL."""

    person: Annotated[str, Field(min_length=1, max_length=320, description="A whole user name or e-mail address.")]
    kind: Kind = ""


class EntryLine(ApiAnswer):
    """position: in the chain, 0 while it is not linked. detail and personal: the fields of the kind. unreadable: why
    personal is empty although there is something.
    """

    id: int
    position: int
    kind: str
    at: int
    actor: str
    subject: str
    detail: Mapping[str, Any]
    personal: Mapping[str, Any]
    unreadable: str
    request_id: str


class Entries(ApiAnswer):
    """The newest first."""

    entries: tuple[EntryLine, ...]
    next: int | None = Field(description="`before` of the next page; null on the last.")


class Worker(ApiAnswer):
    """trouble: empty where all is well."""

    node: str
    number: int
    policy: str
    settings: int
    silent_s: int
    trouble: str


class Fleet(ApiAnswer):
    workers: tuple[Worker, ...]


def entries_of(listed: Sequence[Listed]) -> tuple[EntryLine, ...]:
    """As JSON has them, in the same order."""
    return tuple(
        EntryLine(
            id=one.id,
            position=one.position,
            kind=one.kind,
            at=one.at,
            actor=one.actor,
            subject=one.subject,
            detail=one.detail,
            personal=one.personal,
            unreadable=one.unreadable,
            request_id=one.request_id,
        )
        for one in listed
    )


@dataclass(frozen=True, slots=True)
class OverviewOperations:
    overview: ConsoleOverview

    def all(self) -> Sequence[AnyOperation]:
        read = AdminAct.LOOK_AUDIT
        return (
            Operation("listEntries", "GET", "/audit", "Read the audit log", read, EntriesAsked, Entries, self.list),
            Operation(
                "findEntries", "POST", "/audit/find", "Read what happened to a person", read, EntriesOfPerson, Entries,
                self.find,
            ),
            Operation("getFleet", "GET", "/fleet", "Look at the workers", AdminAct.LOOK, Nothing, Fleet, self.fleet),
        )  # fmt: skip

    async def list(self, _call: Call, asked: EntriesAsked) -> Entries:
        return _page(await self.overview.entries(EntriesWanted(kind=asked.kind, before=asked.before)))

    async def find(self, _call: Call, wanted: EntriesOfPerson) -> Entries:
        found = await self.overview.entries(EntriesWanted(kind=wanted.kind, person=wanted.person.strip()))
        if found.nobody:
            raise NobodyThere("nobody has this name or address; only a whole one finds its person")
        return _page(found)

    async def fleet(self, _call: Call, _asked: Nothing) -> Fleet:
        return Fleet(
            workers=tuple(
                Worker(
                    node=one.node,
                    number=one.number,
                    policy=one.policy,
                    settings=one.settings,
                    silent_s=one.silent_s,
                    trouble=one.trouble,
                )
                for one in await self.overview.workers()
            )
        )


def _page(found: EntriesFound) -> Entries:
    return Entries(entries=entries_of(found.entries), next=found.before or None)
