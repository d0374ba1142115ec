"""The composition root: builds every object once, and lists every route table."""

import asyncio
import platform
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from gateway.config.describe import settings_lines
from gateway.core.errors import GatewayError, StoreUnavailable
from gateway.core.forward.context import Context
from gateway.core.outbox.kinds import Kind
from gateway.core.policy.model import Policy
from gateway.core.policy.site import Site
from gateway.core.principal.identity import People
from gateway.core.principal.presented import Tokens
from gateway.flows.decide.decision_recorder import DecisionRecorder
from gateway.flows.decide.decisions import Decisions
from gateway.flows.decide.refill import FillOutcome, Refill
from gateway.flows.evidence.audit_log import Linker
from gateway.flows.evidence.checkpoint_delivery import CheckpointDelivery
from gateway.flows.evidence.config_record import ConfigRecord
from gateway.flows.evidence.tallies import EVERY_S, Tallies
from gateway.flows.operate.delivery import LOOK_S, Delivery, OutboxKeeper
from gateway.flows.operate.leader import Job, Leader
from gateway.flows.operate.readiness import Readiness
from gateway.flows.operate.safeguards import Safeguards
from gateway.flows.people.account import Account
from gateway.flows.people.handoff import Handoff
from gateway.flows.people.login import Lifetimes, Login
from gateway.flows.people.logout import Logout
from gateway.flows.people.throttle import LoginThrottle
from gateway.flows.people.unknown_names import UnknownNames
from gateway.flows.policy.policies import Policies
from gateway.flows.policy.policy_fleet import BEAT_S, PolicyBeat
from gateway.flows.transaction import RecordUnavailable
from gateway.metrics import JOBS, Slot
from gateway.outbound.webhook import Webhook
from gateway.resources import Resources, clock, clock_us, key_marks, open_resources, random_bytes
from gateway.stores.files.journal import Journal
from gateway.stores.files.policies import LastGood
from gateway.stores.files.watch import watch
from gateway.stores.postgres.replication import has_several_hosts
from gateway.stores.redis.buckets import Buckets
from gateway.stores.redis.decisions import DecisionCalls
from gateway.web import account, assets, login, logout, operations
from gateway.web.browser import Browser
from gateway.web.forms import MAX_BODY_BYTES, AuthHost
from gateway.web.forward_auth import handler
from gateway.web.forward_auth.listener import Listener
from gateway.web.html import Html, RefusalPages, static_files
from gateway.web.middleware import page_middlewares
from gateway.worker import Served, Start

_JOURNAL_S: Final = 5.0
_JUDGE_S: Final = 5.0
_PURGE_S: Final = 3_600.0
_LOG: Final = structlog.stdlib.get_logger("gateway.decisions")


@asynccontextmanager
async def build(start: Start) -> AsyncIterator[Served]:
    """Everything that one worker needs; also while Postgres or Redis is away, and with a policy that is broken."""
    async with open_resources(start.config) as resources:
        worker = _Worker(start, resources)
        await worker.readiness.agree_on_keys()
        await worker.safeguards.judge()
        worker.begin()
        yield worker.served()
        await worker.end()


class _Worker:
    """The objects of one worker, each made once."""

    def __init__(self, start: Start, resources: Resources) -> None:
        config = start.config
        self.config = config
        self.resources = resources
        self.slot = start.slot
        self.number = start.number
        self.delivery = self._delivery()
        self.outbox = OutboxKeeper(resources.pool, self.slot)
        self.long_work = start.long_work
        self.render_metrics = start.metrics.render
        self.keys = config.keys()
        self.calls = DecisionCalls(resources.functions)
        self.site = AuthHost(config.public_url, self.keys.csrf)
        self.files = static_files()
        self.unknown_names = UnknownNames(resources.acts)
        self.tallies = Tallies(resources.acts)
        self.policies = self._policies()
        self.tokens = Tokens(self.keys.mac)
        self.decisions = self._decisions(self.policies.first())
        self.policies.enforce = self.decisions.enforce
        self.readiness = Readiness(resources.pool, resources.functions, key_marks(config))
        self.safeguards = Safeguards(
            pool=resources.pool,
            functions=resources.functions,
            user=urlsplit(config.redis.url).username or "",
            in_cluster=config.redis.cluster,
            enforced=config.profile == "production",
            asks_standbys=has_several_hosts(config.database.url) and not config.database.accept_loss,
            tell=_teller(start.number, _LOG.warning, "a server is not as it should be"),
            note=_teller(start.number, _LOG.info, "a server's setting could not be looked at"),
        )
        self.logout = Logout(
            resources.acts,
            self.keys,
            Journal(config.data_dir / "ended-logins.jsonl"),
            max(config.sessions.absolute_s, config.sessions.remembered_absolute_s),
            self.slot.cell("bastion_logouts").add,
        )
        self.listener = Listener(
            self.decisions.start,
            config.server.decision_peers,
            goes_first=self.tokens.are_in,
            tell_waiting=self.slot.cell("bastion_strangers_waiting").set,
        )
        node = f"{platform.node()} {config.data_dir}"
        self.policy_beat = PolicyBeat(resources.pool, self.policies, node, start.number)

    def begin(self) -> None:
        """What goes on beside the requests, until the worker ends."""
        spawn, resources, config = self.resources.background.spawn, self.resources, self.config
        spawn(Leader(resources.pool, self._jobs(), _job_counter(self.slot)).run())
        if self.delivery is not None:
            spawn(self.delivery.run())
        if not self.number:
            spawn(_every(LOOK_S, self.outbox.look))
        spawn(self.policies.announce())
        spawn(_once(ConfigRecord(resources.acts, settings_lines(config)).announce))
        spawn(_once(self.policy_beat.beat))
        spawn(_every(BEAT_S, self.policy_beat.beat))
        spawn(_every(EVERY_S, self.tallies.write))
        spawn(_every(_JOURNAL_S, self._complete_journal))
        spawn(self._judge_who_was_away())
        if config.policy.watch:
            spawn(watch(config.policy.directory, self.policies.reload))

    def _delivery(self) -> Delivery | None:
        """Of checkpoints; None where no webhook takes them."""
        audit = self.config.audit
        if not audit.checkpoint_webhook:
            return None
        webhook = Webhook(audit.checkpoint_webhook, audit.webhook_bearer, audit.webhook_timeout_s)
        return Delivery(self.resources.pool, Kind.CHECKPOINT, webhook.post, _delivery_counter(self.slot))

    def _jobs(self) -> tuple[Job, ...]:
        """What one worker of the fleet does for all."""
        pool, config = self.resources.pool, self.config
        publish = None
        if self.delivery is not None:
            dropped = self.slot.cell("bastion_checkpoint_deliveries", "dropped").add
            publish = CheckpointDelivery(self.resources.acts, dropped, self.delivery.wake).offer
        linker = Linker(pool, config.data_dir, config.audit.checkpoint_dir, clock, publish)
        return (
            Job("linker", linker.work),
            Job("unknown_names", self.unknown_names.work),
            Job("outbox", self.outbox.purge, every_s=_PURGE_S),
        )

    async def end(self) -> None:
        """What was only counted until now; lost where Postgres doesn't take it."""
        with suppress(GatewayError):
            await self.tallies.write()
            await self.policy_beat.end()

    def served(self) -> Served:
        return Served(self.web_app(), self.ops_app(), self.listener, self.listener.drain, self.policies.reload)

    def web_app(self) -> web.Application:
        html = Html(self.files)
        browser = Browser(self.site, self.keys, html, self.decisions, self.config.origin_of, clock, random_bytes)
        verify = self.config.server.verify_path
        app = web.Application(
            middlewares=page_middlewares(
                self.site, html, random_bytes, verify, _failure_counter(self.slot), self.tallies.count_doubled
            ),
            client_max_size=MAX_BODY_BYTES,
        )
        app.add_routes(login.routes(browser, self._login(), self._handoff()))
        app.add_routes(logout.routes(browser, self.logout))
        app.add_routes(account.routes(browser, self._account()))
        app.add_routes(assets.routes(self.files))
        app.add_routes(handler.routes(verify, self.decisions, self.site))
        return app

    def ops_app(self) -> web.Application:
        app = web.Application()
        app.add_routes(operations.routes(self._ready, self.render_metrics))
        return app

    async def _ready(self) -> Mapping[str, operations.ReadinessCheck]:
        found = await self.readiness.look()
        checks = {name: operations.ReadinessCheck(state.serves, state.detail) for name, state in found.items()}
        return {**checks, "policy": operations.ReadinessCheck(self.policies.serves, self.policies.detail)}

    def _policies(self) -> Policies:
        config, resources = self.config, self.resources
        loads = {outcome: self.slot.cell("bastion_policy_loads", outcome) for outcome in ("accepted", "refused")}
        stale = self.slot.cell("bastion_policy_stale")

        def count(outcome: str) -> None:
            loads[outcome].add()
            stale.set(outcome == "refused")

        return Policies(
            long_work=self.long_work,
            directory=config.policy.directory,
            site=Site.of(config.public_url),
            limits=config.all_limits(),
            last_good=LastGood(config.data_dir / "policy-last-good.json"),
            acts=resources.acts,
            enforce=lambda _policy: None,
            count=count,
        )

    def _decisions(self, policy: Policy) -> Decisions:
        config, resources = self.config, self.resources
        headers = config.identity_headers
        context = Context(
            policy=policy,
            keys=self.keys,
            tokens=self.tokens,
            people=People(self.keys.person, remote=headers.remote, x_auth_request=headers.x_auth_request),
            auth_origin=config.public_url,
            origin_of=config.origin_of,
            render=RefusalPages(Html(self.files, config.public_url)).render,
        )
        refill = Refill(
            resources.acts,
            self.keys,
            self.calls,
            random_bytes,
            resources.background.spawn,
            _refill_counter(self.slot),
            _store_counter(self.slot),
        )
        recorder = DecisionRecorder(self.slot, config.log.decisions, self.tallies, clock_us)
        return Decisions(
            context,
            self.calls,
            refill,
            clock_us,
            random_bytes,
            resources.background.spawn,
            recorder.record,
            _store_counter(self.slot),
        )

    def _login(self) -> Login:
        config, resources = self.config, self.resources
        sessions = config.sessions
        lifetimes = Lifetimes(
            sessions.idle_s, sessions.absolute_s, sessions.remembered_idle_s, sessions.remembered_absolute_s
        )
        limits = config.login_limits()
        return Login(
            resources.acts,
            resources.passwords,
            LoginThrottle(Buckets(resources.functions), lambda: limits),
            self.unknown_names,
            self.keys,
            lifetimes,
            config.auth_host,
            random_bytes,
            _login_counter(self.slot),
        )

    def _handoff(self) -> Handoff:
        return Handoff(self.resources.acts, self.keys, lambda: self.decisions.policy, random_bytes)

    def _account(self) -> Account:
        return Account(self.resources.acts)

    async def _judge_who_was_away(self) -> None:
        """Ends the worker where the server that comes back is not one to rely on."""
        while not self.safeguards.judged:
            await asyncio.sleep(_JUDGE_S)
            await self.safeguards.judge()

    async def _complete_journal(self) -> None:
        completed = await self.logout.complete()
        if completed:
            _LOG.info("logouts that Postgres missed are in it now", count=completed)


def _teller(number: int, log: Callable[..., None], event: str) -> Callable[[str], None]:
    """One worker speaks for all."""
    if number:
        return lambda _finding: None
    return lambda finding: log(event, finding=finding)


def _login_counter(slot: Slot) -> Callable[[str], None]:
    cells = {
        outcome: slot.cell("bastion_logins", outcome) for outcome in ("accepted", "wrong", "throttled", "unavailable")
    }
    return lambda outcome: cells[outcome].add()


def _failure_counter(slot: Slot) -> Callable[[Exception], None]:
    """A store that does not answer, or an error that is ours."""
    lost, ours = _store_counter(slot), slot.cell("bastion_errors")

    def failed(error: Exception) -> None:
        if isinstance(error, RecordUnavailable):
            lost("postgres")
        elif isinstance(error, StoreUnavailable):
            lost("redis")
        elif not isinstance(error, GatewayError):
            ours.add()

    return failed


def _delivery_counter(slot: Slot) -> Callable[[str], None]:
    cells = {outcome: slot.cell("bastion_checkpoint_deliveries", outcome) for outcome in ("delivered", "failed")}
    return lambda outcome: cells[outcome].add()


def _job_counter(slot: Slot) -> Callable[[str], None]:
    cells = {job: slot.cell("bastion_job_failures", job) for job in JOBS}
    return lambda job: cells[job].add()


def _store_counter(slot: Slot) -> Callable[[str], None]:
    cells = {store: slot.cell("bastion_store_failures", store) for store in ("postgres", "redis")}
    return lambda store: cells[store].add()


def _refill_counter(slot: Slot) -> Callable[[FillOutcome], None]:
    cells = {outcome: slot.cell("bastion_refills", outcome.value) for outcome in FillOutcome}
    return lambda outcome: cells[outcome].add()


async def _once(work: Callable[[], Awaitable[None]]) -> None:
    """What Postgres can't take now, the next start brings."""
    with suppress(GatewayError):
        await work()


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    """Until it is cancelled. What Postgres can't take now it gets the next time."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except GatewayError as error:
            _LOG.warning("work is put off", why=str(error))
