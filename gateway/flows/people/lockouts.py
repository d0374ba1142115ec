"""Locks out who guesses, and only there: at the doors of core/login/lockout.py (threats.md L15, L16)."""

from dataclasses import dataclass
from uuid import UUID

from gateway.core.audit.catalogue import LoginFailed
from gateway.core.audit.factor_events import FactorFailed
from gateway.core.audit.lockout_events import Locked, Unlocked
from gateway.core.keys import Keys
from gateway.core.login.lockout import OPENED_S, Door, LockoutRules, Proving, decoy, failed, opened
from gateway.core.mail.kinds import MailKind
from gateway.core.privacy.sealing import NOBODY
from gateway.core.risk.device import device_digest
from gateway.flows.act import Act, Acts
from gateway.flows.mail.notices import NO_NOTICES, NOBODYS_ADDRESS, NoticeFacts, Notices
from gateway.flows.people.risk import Source


@dataclass(frozen=True, slots=True)
class Lockouts:
    """A proof is looked at where the door is not locked, and counts as right only where was_locked still says no.

    Methods that take an act work in it. remember_s: how long a device that is not used stays known.
    """

    acts: Acts
    keys: Keys
    rules: LockoutRules
    remember_s: int
    notices: Notices = NO_NOTICES

    async def look(
        self, act: Act, proving: Proving, user_id: UUID | None, name: str, browser: Source
    ) -> tuple[Door, bool]:
        """The door at which browser stands, and whether it is locked.

        user_id None: nobody has the name that was typed; it costs the same steps (L16).
        """
        device = device_digest(browser.device_id, browser.user_agent)
        person, counted_for = (user_id, user_id) if user_id else (NOBODY, decoy(self.keys.lockout, name))
        lock = await act.lockouts.look(person, device, act.now - self.remember_s, proving, counted_for, act.now)
        return lock.door, lock.lockout.is_locked(act.now)

    async def was_locked(self, act: Act, door: Door) -> bool:
        """Whether others have locked it since, for a right proof: of guesses that come at once no more count than of
        others. Everybody who counts there meanwhile waits for the act.
        """
        return (await act.lockouts.find_settled(door)).is_locked(act.now)

    async def count(self, act: Act, door: Door, failure: LoginFailed | FactorFailed, email: str) -> None:
        """One wrong proof and its entry, by the same statements at every door. At a locked one nothing is counted.

        email: whom a lock is told to, "" for nobody.
        """
        act.record(failure)
        before = await act.lockouts.hold(door)
        after = failed(before, self.rules, act.now)
        await act.lockouts.save(door, after)
        if after.until != before.until:
            where = (failure.address, failure.user_agent)
            name = failure.unknown_name if isinstance(failure, LoginFailed) else None
            act.record(Locked(failure.subject, door.proving.value, door.place, after.until, *where, name))
            await self._tell(act, failure.subject, email, NoticeFacts(*where))

    async def open(self, act: Act, user_id: UUID, browser: Source) -> None:
        """For this browser, which has to have a device cookie: a few more proofs are looked at there."""
        device = device_digest(browser.device_id, browser.user_agent)
        doors = [Door(user_id, proving, device) for proving in Proving]
        for door in doors:
            await act.lockouts.open(door, opened(self.rules, act.now), act.now + OPENED_S)
        act.record(Unlocked(user_id, tuple(f"{door.proving.value} {door.place}" for door in doors), "by_link"))

    async def _tell(self, act: Act, user_id: UUID | None, email: str, facts: NoticeFacts) -> None:
        """The same statements for nobody."""
        if self.notices.is_on:
            who, to = (user_id, email) if user_id is not None and email else (NOBODY, NOBODYS_ADDRESS)
            await self.notices.write(act, who, to, MailKind.LOCKED, facts)

    async def purge(self) -> None:
        """One round of the leader's: forgets what no longer decides anything. Raises RecordUnavailable."""
        async with self.acts.begin() as act:
            await act.lockouts.purge(act.now - self.rules.longest_s, act.now - self.rules.within_s)
