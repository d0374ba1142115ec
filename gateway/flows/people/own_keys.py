"""What a person does to their own API keys, on the auth host."""

from dataclasses import dataclass

from gateway.core.assurance.change import FRESH, Lacking
from gateway.flows.act import Acts
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.mail.notices import NoticeFacts
from gateway.flows.may_change import MayNotChange, hold_for_change, lacking_for_change
from gateway.flows.people.api_keys import KeyMaker, WantedKey, end_key
from gateway.flows.people.issuing import Visit


@dataclass(frozen=True, slots=True, repr=False)
class OwnKey:
    """A key as its person sees it. Times are Unix seconds, None for never. repr is left out: the name is personal."""

    id: bytes
    name: str
    scopes: tuple[str, ...]
    hosts: tuple[str, ...]
    expires_at: int | None
    last_used_at: int | None
    rests: bool


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """All of it raises RecordUnavailable. What ends something raises RedisBehind too, and may be done again."""

    acts: Acts
    maker: KeyMaker

    async def list(self, live: LiveLogin) -> list[OwnKey]:
        """The newest first."""
        async with self.acts.begin() as act:
            found = await act.api_keys.list_live(live.person.user_id, act.now)
        return [
            OwnKey(one.id, one.name, one.scopes, one.hosts, one.expires_at, one.last_used_at, one.rests_at is not None)
            for one in found
        ]

    async def lacks(self, live: LiveLogin) -> Lacking | None:
        """What this login has to prove before it makes or wakes a key."""
        async with self.acts.begin() as act:
            return await lacking_for_change(act, live)

    def scopes(self, live: LiveLogin, now: int) -> tuple[str, ...]:
        """Those that the person may give a key. now: Unix seconds."""
        return self.maker.choice(live.person.username, live.person.groups, now)

    async def make(self, live: LiveLogin, wanted: WantedKey, visit: Visit) -> str:
        """The key, which nobody sees again. Raises MayNotChange, BadKey."""
        facts = NoticeFacts(visit.address_text, visit.user_agent)
        async with self.acts.begin(request_id=visit.request_id) as act:
            user = await act.users.find(live.person.user_id)
            if user is None:
                raise MayNotChange(FRESH)
            made = await self.maker.make(act, user, wanted, "made_by_person", facts)
            await hold_for_change(act, live)  # last: make() locks the person harder
            return made

    async def end(self, live: LiveLogin, key_id: bytes, request_id: str) -> bool:
        """False: no key of this person has that id."""
        async with self.acts.begin(request_id=request_id) as act:
            key = await act.api_keys.find(key_id)
            if key is None or key.user_id != live.person.user_id:
                return False
            await end_key(act, self.maker.keys.tag, key, "ended_by_person")
            return True

    async def wake(self, live: LiveLogin, key_id: bytes, request_id: str) -> bool:
        """It passes again, within a minute. False: it is not theirs, or did not rest. Raises MayNotChange."""
        async with self.acts.begin(request_id=request_id) as act:
            await hold_for_change(act, live)
            return await act.api_keys.wake(key_id, live.person.user_id)
