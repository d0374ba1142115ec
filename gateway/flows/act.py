"""An act: one transaction with its audit entries, and what Redis has to hear of it once it is committed."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from gateway.core.audit.entry import entry_of
from gateway.core.audit.event import Event
from gateway.core.errors import StoreUnavailable
from gateway.core.principal.ask import RecordKind
from gateway.flows.appending import Appending
from gateway.flows.transaction import transaction
from gateway.stores.postgres.admin_roles import AdminRoles
from gateway.stores.postgres.admin_tokens import AdminTokenRows
from gateway.stores.postgres.api_keys import ApiKeyRows
from gateway.stores.postgres.app_consents import AppConsents
from gateway.stores.postgres.attempts import Attempts
from gateway.stores.postgres.audit import Audit, Chain
from gateway.stores.postgres.backups import BackupWriter
from gateway.stores.postgres.client_jwks import ClientJwks
from gateway.stores.postgres.clients import ClientRows
from gateway.stores.postgres.codes import Codes
from gateway.stores.postgres.controls import ControlRows
from gateway.stores.postgres.devices import Devices
from gateway.stores.postgres.documents import Documents
from gateway.stores.postgres.doubts import PasswordDoubts
from gateway.stores.postgres.emergencies import Emergencies
from gateway.stores.postgres.endpoints import Endpoints
from gateway.stores.postgres.enrolments import EnrolmentsDue
from gateway.stores.postgres.erasure_requests import ErasureRequests
from gateway.stores.postgres.erasures import Erasures
from gateway.stores.postgres.factor_resets import FactorResetRows
from gateway.stores.postgres.factors import Factors
from gateway.stores.postgres.failures import LoginFailures
from gateway.stores.postgres.grants import Grants
from gateway.stores.postgres.history import PasswordHistory
from gateway.stores.postgres.holds import Holds
from gateway.stores.postgres.leavers import Leavers
from gateway.stores.postgres.licences import Licences
from gateway.stores.postgres.links import Links
from gateway.stores.postgres.lockouts import LockoutRows
from gateway.stores.postgres.logins import Logins
from gateway.stores.postgres.mails import Mails
from gateway.stores.postgres.master_keys import MasterRows
from gateway.stores.postgres.notices import NoticeCounts
from gateway.stores.postgres.outbox import Outbox
from gateway.stores.postgres.own_data import OwnData
from gateway.stores.postgres.passkeys import Passkeys
from gateway.stores.postgres.policy_workers import PolicyWorkers
from gateway.stores.postgres.profiles import Profiles
from gateway.stores.postgres.pushed_requests import PushedRequests
from gateway.stores.postgres.recall import Recall
from gateway.stores.postgres.restores import Restores
from gateway.stores.postgres.retention import RetentionRows
from gateway.stores.postgres.reviews import Reviews
from gateway.stores.postgres.settings import SettingRows
from gateway.stores.postgres.signing_keys import SigningKeys
from gateway.stores.postgres.taken import TakenRows
from gateway.stores.postgres.unknown_names import UnknownNameKeys
from gateway.stores.postgres.used_ids import UsedIds
from gateway.stores.postgres.users import Users
from gateway.stores.postgres.vault import Vault
from gateway.stores.redis.revocations import Revocations


class RedisBehind(StoreUnavailable):
    """The act is committed, and only Redis has not heard all of it. Doing it again tells Redis and does no harm."""


@dataclass(slots=True)
class _News:
    """What Redis is to hear. Logins are (tag, login); what has ended may be a grant or a key too."""

    ended: list[tuple[RecordKind, str, str]] = field(default_factory=list)
    stale_logins: list[tuple[str, str]] = field(default_factory=list)
    stale_people: list[str] = field(default_factory=list)
    offers: list[tuple[str, str, str]] = field(default_factory=list)

    async def tell(self, revocations: Revocations) -> None:
        """Ends, changes, offers: in this order, whatever the flow's was. Raises StoreUnavailable; then the rest waits.

        People after logins: before it, an answer to a login that goes on could bring the person back as they were.
        Offers at the end: after an error nothing is claimable.
        """
        for kind, tag, record in self.ended:
            await revocations.end(kind, tag, record)
        for tag, login in self.stale_logins:
            await revocations.stale_login(tag, login)
        for tag in self.stale_people:
            await revocations.stale_person(tag)
        for tag, code_hash, host in self.offers:
            await revocations.offer(tag, code_hash, host)


class Act:
    """While the transaction is open: its stores, and what is to follow. now: Unix seconds, the same all the time.

    Where the block raises nothing of it is written, and Redis hears nothing.
    """

    __slots__ = ("_connection", "_events", "_news", "_vault", "now")

    def __init__(
        self,
        connection: "PoolConnectionProxy[asyncpg.Record]",
        vault: Vault,
        now: int,
        events: list[Event],
        news: _News,
    ) -> None:
        self._connection = connection
        self._vault = vault
        self._events = events
        self._news = news
        self.now = now

    @property
    def users(self) -> Users:
        return Users(self._connection, self._vault)

    @property
    def password_history(self) -> PasswordHistory:
        return PasswordHistory(self._connection, self._vault)

    @property
    def masters(self) -> MasterRows:
        return MasterRows(self._connection)

    @property
    def policy_workers(self) -> PolicyWorkers:
        return PolicyWorkers(self._connection)

    @property
    def lockouts(self) -> LockoutRows:
        return LockoutRows(self._connection)

    @property
    def logins(self) -> Logins:
        return Logins(self._connection, self._vault)

    @property
    def devices(self) -> Devices:
        return Devices(self._connection, self._vault)

    @property
    def profiles(self) -> Profiles:
        return Profiles(self._connection, self._vault)

    @property
    def recall(self) -> Recall:
        return Recall(self._connection, self._vault)

    @property
    def login_failures(self) -> LoginFailures:
        return LoginFailures(self._connection)

    @property
    def attempts(self) -> Attempts:
        return Attempts(self._connection, self._vault)

    @property
    def doubts(self) -> PasswordDoubts:
        return PasswordDoubts(self._connection)

    @property
    def factors(self) -> Factors:
        return Factors(self._connection, self._vault)

    @property
    def enrolments_due(self) -> EnrolmentsDue:
        return EnrolmentsDue(self._connection)

    @property
    def factor_resets(self) -> FactorResetRows:
        return FactorResetRows(self._connection, self._vault)

    @property
    def passkeys(self) -> Passkeys:
        return Passkeys(self._connection, self._vault)

    @property
    def clients(self) -> ClientRows:
        return ClientRows(self._connection)

    @property
    def client_jwks(self) -> ClientJwks:
        return ClientJwks(self._connection)

    @property
    def grants(self) -> Grants:
        return Grants(self._connection)

    @property
    def api_keys(self) -> ApiKeyRows:
        return ApiKeyRows(self._connection, self._vault)

    @property
    def used_ids(self) -> UsedIds:
        return UsedIds(self._connection)

    @property
    def codes(self) -> Codes:
        return Codes(self._connection, self._vault)

    @property
    def pushed_requests(self) -> PushedRequests:
        return PushedRequests(self._connection)

    @property
    def app_consents(self) -> AppConsents:
        return AppConsents(self._connection)

    @property
    def signing_keys(self) -> SigningKeys:
        return SigningKeys(self._connection, self._vault)

    @property
    def taken(self) -> TakenRows:
        return TakenRows(self._connection)

    @property
    def restores(self) -> Restores:
        return Restores(self._connection)

    @property
    def backup_writer(self) -> BackupWriter:
        return BackupWriter(self._connection)

    @property
    def audit(self) -> Audit:
        return Audit(self._connection, self._vault)

    @property
    def chain(self) -> Chain:
        return Chain(self._connection)

    @property
    def endpoints(self) -> Endpoints:
        return Endpoints(self._connection, self._vault)

    @property
    def outbox(self) -> Outbox:
        return Outbox(self._connection)

    @property
    def erasures(self) -> Erasures:
        return Erasures(self._connection)

    @property
    def erasure_requests(self) -> ErasureRequests:
        return ErasureRequests(self._connection)

    @property
    def own_data(self) -> OwnData:
        return OwnData(self._connection, self._vault)

    @property
    def holds(self) -> Holds:
        return Holds(self._connection, self._vault)

    @property
    def licences(self) -> Licences:
        return Licences(self._connection)

    @property
    def links(self) -> Links:
        return Links(self._connection, self._vault)

    @property
    def notice_counts(self) -> NoticeCounts:
        return NoticeCounts(self._connection)

    @property
    def mails(self) -> Mails:
        return Mails(self._connection, self._vault)

    @property
    def admin_roles(self) -> AdminRoles:
        return AdminRoles(self._connection)

    @property
    def admin_tokens(self) -> AdminTokenRows:
        return AdminTokenRows(self._connection)

    @property
    def retention(self) -> RetentionRows:
        return RetentionRows(self._connection)

    @property
    def controls(self) -> ControlRows:
        return ControlRows(self._connection, self._vault)

    @property
    def reviews(self) -> Reviews:
        return Reviews(self._connection)

    @property
    def leavers(self) -> Leavers:
        return Leavers(self._connection)

    @property
    def documents(self) -> Documents:
        return Documents(self._connection, self._vault)

    @property
    def emergencies(self) -> Emergencies:
        return Emergencies(self._connection)

    @property
    def settings(self) -> SettingRows:
        return SettingRows(self._connection)

    @property
    def unknown_names(self) -> UnknownNameKeys:
        return UnknownNameKeys(self._connection, self._vault)

    def record(self, event: Event) -> None:
        """Its entry is written at the end of the transaction."""
        self._events.append(event)

    def ends(self, kind: RecordKind, tag: str, record: str) -> None:
        """Over on all nodes and hosts. Of several Redis hears in the order in which they are named."""
        self._news.ended.append((kind, tag, record))

    def stales_login(self, tag: str, login: str) -> None:
        """The next decision asks Postgres."""
        self._news.stale_logins.append((tag, login))

    def stales_person(self, tag: str) -> None:
        """As stales_login, for all logins of a person."""
        self._news.stale_people.append(tag)

    def offers(self, tag: str, code_hash: str, host: str) -> None:
        """The code may be claimed once, for this host."""
        self._news.offers.append((tag, code_hash, host))


@dataclass(frozen=True, slots=True)
class Acts:
    """Begins acts. clock: Unix seconds."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    vault: Vault
    revocations: Revocations
    clock: Callable[[], int]
    appending: Appending = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "appending", Appending(self.pool, self.vault))

    async def tell(self, event: Event, *, operator: str = "", request_id: str = "") -> None:
        """An act that changes nothing. Returns once its entry is committed. Raises RecordUnavailable."""
        await self.appending.append(entry_of(event, self.clock(), operator, request_id))

    @asynccontextmanager
    async def begin(self, *, operator: str = "", request_id: str = "", at: int | None = None) -> AsyncIterator[Act]:
        """Commits at the end of the block, tells Redis, and then returns.

        operator: who acts where an operator does. at: Unix seconds, where it happened before now.
        Raises RecordUnavailable, and RedisBehind after the commit.
        """
        events, news = list[Event](), _News()
        async with transaction(self.pool) as connection:
            act = Act(connection, self.vault, self.clock() if at is None else at, events, news)
            yield act
            if events:
                await act.audit.append(*(entry_of(event, act.now, operator, request_id) for event in events))
        try:
            await news.tell(self.revocations)
        except StoreUnavailable as error:
            raise RedisBehind(
                f"this is recorded, but Redis did not follow ({error}): live sessions may go on for up to 60 s."
                f" Repeat the {'command' if operator else 'request'}; that is safe and makes it hold at once."
            ) from error

    async def deny_until(self, tag: str, login: str, until: int) -> None:
        """Without Postgres: over in Redis alone. until: Unix seconds (threats.md R13). Raises StoreUnavailable."""
        await self.revocations.deny_until(tag, login, until)
