"""The composition root: builds every object of a worker once, concern by concern, and lists every route table."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from aiohttp import web
from aiohttp.typedefs import Middleware
from aiohttp.web_routedef import AbstractRouteDef

from gateway.app.authorizing import authorize_of, authorizing
from gateway.app.branding import branding
from gateway.app.compliance import compliance
from gateway.app.concern import Checks, Concern, once
from gateway.app.console import console, follower_of, live_settings_of
from gateway.app.console_api import console_api
from gateway.app.console_flows import console_flows
from gateway.app.counters import attempt_counter, counter, failure_counter, refusal_counter, stopwatch
from gateway.app.deciding import decisions_of, listener_of, token_reader_of
from gateway.app.evidence import evidence
from gateway.app.keys import ring_of, signing_keys
from gateway.app.licence import licence
from gateway.app.mail import mail
from gateway.app.master_keys import master_keys
from gateway.app.people import people
from gateway.app.policy import policies_of, policy
from gateway.app.privacy import privacy
from gateway.app.risk import risk
from gateway.app.servers import servers
from gateway.app.tokens import clients_of, nonces_of, proofs_of, tokens_for_apps
from gateway.app.webhooks import webhooks
from gateway.core.forward.assertion import Assertions
from gateway.core.principal.presented import Tokens
from gateway.core.token.access import AccessTokens
from gateway.figures import JOBS
from gateway.flows.decide.decision_recorder import DecisionRecorder
from gateway.flows.decide.decisions import Decisions
from gateway.flows.evidence.tallies import Tallies
from gateway.flows.operate.leader import Leader
from gateway.flows.operate.lookout import Lookout
from gateway.resources import Resources, clock, clock_us, make_risk, open_resources, random_bytes
from gateway.stores.redis.buckets import Buckets
from gateway.web import assets, operations, well_known
from gateway.web.browser import Browser
from gateway.web.forms import MAX_BODY_BYTES, AuthHost
from gateway.web.forward_auth import handler
from gateway.web.html import Html
from gateway.web.middleware import page_middlewares
from gateway.web.protocol import ProtocolRoute, protocol_middleware, protocol_routes
from gateway.worker import Served, Start

__all__ = ["build"]


@asynccontextmanager
async def build(start: Start) -> AsyncIterator[Served]:
    """Everything that one worker needs; also while Postgres or Redis is away, and with a policy that is broken."""
    async with open_resources(start.config) as resources:
        served, concerns = _put_together(start=start, resources=resources)
        for concern in concerns:
            for work in concern.before:
                await work()
        _begin(start=start, resources=resources, concerns=concerns)
        yield served
        for concern in concerns:
            for work in concern.at_end:
                await once(work)


def _put_together(*, start: Start, resources: Resources) -> tuple[Served, Sequence[Concern]]:
    config, slot = start.config, start.slot
    brand, files = branding(config)
    tokens, tallies = Tokens(config.keys().mac), Tallies(resources.acts)
    ring, access = ring_of(config=config, resources=resources), AccessTokens(config.public_url, config.keys().token)
    recorder = DecisionRecorder(slot, config.log.decisions, tallies, clock_us)
    decisions = decisions_of(
        config=config,
        resources=resources,
        slot=slot,
        html=Html(files, config.public_url, brand),
        tokens=tokens,
        reader=token_reader_of(config=config, access=access, ring=ring, nonces=nonces_of(config)),
        assertions=Assertions(config.public_url, ring.signer),
        recorder=recorder,
    )
    policies = policies_of(start=start, resources=resources, decisions=decisions)
    listener = listener_of(config=config, slot=slot, decisions=decisions)
    site, html = AuthHost(config.public_url, config.keys().csrf), Html(files, brand=brand, has_mail=config.mail.is_on)
    browser = Browser(site, config.keys(), html, decisions, config.origin_of, clock, random_bytes)
    live = live_settings_of(config, resources)
    buckets, follower = (
        Buckets(resources.functions, live.in_force),
        follower_of(start, live, policies, decisions),
    )
    flows = console_flows(start=start, resources=resources, buckets=buckets, policies=policies)
    authorize = authorize_of(config=config, resources=resources, decisions=decisions, ring=ring)
    clients = clients_of(config=config, resources=resources, slot=slot, decisions=decisions, buckets=buckets)
    proofs = proofs_of(config=config, resources=resources)
    scoring = make_risk(config, resources.acts, slot.timer("bastion_login_score").observe)
    concerns = (
        servers(start=start, resources=resources),
        evidence(start=start, resources=resources, tallies=tallies),
        privacy(start=start, resources=resources, browser=browser, buckets=buckets),
        master_keys(start=start, resources=resources),
        signing_keys(start=start, resources=resources, ring=ring, decisions=decisions),
        policy(start=start, resources=resources, policies=policies, ring=ring, follower=follower),
        people(
            config=config,
            resources=resources,
            slot=slot,
            decisions=decisions,
            browser=browser,
            authorize=authorize,
            ring=ring,
            risk=scoring,
            tallies=tallies,
            buckets=buckets,
        ),
        risk(start=start, risk=scoring, acts=resources.acts),
        authorizing(
            config=config,
            slot=slot,
            authorize=authorize,
            browser=browser,
            clients=clients,
            proofs=proofs,
            buckets=buckets,
        ),
        tokens_for_apps(
            config=config,
            resources=resources,
            slot=slot,
            decisions=decisions,
            access=access,
            ring=ring,
            clients=clients,
            proofs=proofs,
        ),
        console(start=start, resources=resources, browser=browser, live=live, flows=flows, noted=recorder.take),
        console_api(start=start, resources=resources, site=site, flows=flows),
        mail(config=config, resources=resources, slot=slot),
        webhooks(start=start, resources=resources),
        licence(start=start, resources=resources),
        compliance(start=start, resources=resources, decisions=decisions),
        Concern(
            routes=(
                *assets.routes(files),
                *well_known.routes(config.public_url, config.pages.contact, clock),
                *handler.routes(config.server.verify_path, decisions, site),
            )
        ),
    )
    pages = partial(_web_app, start=start, decisions=decisions, site=site, html=html, tallies=tallies)
    routes = [route for concern in concerns for route in concern.routes]
    of_console = [route for concern in concerns for route in concern.console]
    endpoints = [endpoint for concern in concerns for endpoint in concern.endpoints]
    has_own = "admin.listen" in config.listeners
    outermost = [one for concern in concerns for one in concern.middlewares]
    if has_own:
        app = pages(routes=routes, endpoints=endpoints, middlewares=())
        admin = pages(routes=of_console, endpoints=(), middlewares=outermost)
    else:
        app, admin = pages(routes=[*routes, *of_console], endpoints=endpoints, middlewares=outermost), None
    ops = _ops_app(start=start, concerns=concerns)
    return Served(app, ops, listener, listener.drain, policies.reload, admin), concerns


def _begin(*, start: Start, resources: Resources, concerns: Sequence[Concern]) -> None:
    """What goes on beside the requests, until the worker ends."""
    jobs = [job for concern in concerns for job in concern.jobs]
    failed, took = counter(start.slot, "bastion_job_failures", JOBS), stopwatch(start.slot, "bastion_job_seconds", JOBS)
    leader = Leader(resources.pool, jobs, failed, took)
    resources.background.spawn(leader.run())
    deliveries = [delivery for concern in concerns for delivery in concern.deliveries]
    resources.background.spawn(Lookout(resources.pool, deliveries).run())
    for concern in concerns:
        for work in (*concern.beside, *(delivery.run for delivery in concern.deliveries)):
            resources.background.spawn(work())


def _web_app(
    *,
    start: Start,
    decisions: Decisions,
    site: AuthHost,
    html: Html,
    tallies: Tallies,
    routes: Sequence[AbstractRouteDef],
    endpoints: Sequence[ProtocolRoute],
    middlewares: Sequence[Middleware],
) -> web.Application:
    def is_clients(origin: str) -> bool:
        return any(origin in client.origins for client in decisions.policy.clients.values())

    verify, failed = start.config.server.verify_path, failure_counter(start.slot)
    attempted = attempt_counter(failed, tallies, site.host)
    app = web.Application(
        middlewares=[
            *middlewares,
            protocol_middleware(site, endpoints, random_bytes, is_clients, failed, refusal_counter(start.slot)),
            *page_middlewares(site, html, random_bytes, verify, attempted, tallies.count_doubled),
        ],
        client_max_size=MAX_BODY_BYTES,
    )
    app.add_routes(protocol_routes(endpoints))
    app.add_routes(routes)
    return app


def _ops_app(*, start: Start, concerns: Sequence[Concern]) -> web.Application:
    async def ready() -> Checks:
        found = [await concern.checks() for concern in concerns if concern.checks is not None]
        return {name: check for checks in found for name, check in checks.items()}

    app = web.Application()
    app.add_routes(operations.routes(ready, start.metrics.render))
    return app
