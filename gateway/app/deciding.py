"""Puts together what decides requests."""

from gateway.app.counters import counter, store_counter
from gateway.config import Config
from gateway.config.sections.limits import KEY_LIMIT
from gateway.core.forward.assertion import Assertions
from gateway.core.forward.context import Context
from gateway.core.forward.credentials import TokenReader
from gateway.core.forward.refused_keys import RefusedKeys
from gateway.core.policy.site import Site
from gateway.core.principal.identity import People
from gateway.core.principal.presented import Tokens
from gateway.core.token.access import AccessTokens
from gateway.core.token.api_key import ApiKeys
from gateway.core.token.nonce import Nonces
from gateway.flows.decide.decision_recorder import DecisionRecorder
from gateway.flows.decide.decisions import Decisions
from gateway.flows.decide.refill import FillOutcome, Refill
from gateway.flows.keys.key_ring import KeyRing
from gateway.flows.policy.policies import compile_sources
from gateway.metrics import Slot
from gateway.resources import Resources, clock_us, random_bytes
from gateway.stores.redis.decisions import DecisionCalls
from gateway.web.forward_auth.listener import Listener
from gateway.web.html import Html, RefusalPages


def decisions_of(
    *,
    config: Config,
    resources: Resources,
    slot: Slot,
    html: Html,
    tokens: Tokens,
    reader: TokenReader,
    assertions: Assertions,
    recorder: DecisionRecorder,
) -> Decisions:
    """html: of pages on protected hosts. Until a policy is enforced, nobody gets in anywhere."""
    keys, headers, spawn = config.keys(), config.identity_headers, resources.background.spawn
    context = Context(
        policy=compile_sources({}, Site.of(config.public_url), config.all_limits()),
        keys=keys,
        tokens=tokens,
        api_keys=ApiKeys(keys.api_key, keys.person),
        people=People(keys.person, headers.by_name()),
        reader=reader,
        auth_origin=config.public_url,
        origin_of=config.origin_of,
        render=RefusalPages(html).render,
        assertions=assertions,
        passed=headers.let_through(),
        refused_keys=RefusedKeys(config.limit(KEY_LIMIT)),
    )
    calls, lost = DecisionCalls(resources.functions), store_counter(slot)
    refills = counter(slot, "bastion_refills", tuple(outcome.value for outcome in FillOutcome))
    refill = Refill(resources.acts, keys, calls, random_bytes, spawn, lambda outcome: refills(outcome.value), lost)
    return Decisions(context, calls, refill, clock_us, random_bytes, spawn, recorder.record, lost)


def token_reader_of(*, config: Config, access: AccessTokens, ring: KeyRing, nonces: Nonces | None) -> TokenReader:
    return TokenReader(access, lambda: ring.current.verification, nonces, config.origin_of)


def listener_of(*, config: Config, slot: Slot, decisions: Decisions) -> Listener:
    return Listener(
        decisions.start,
        config.server.decision_peers,
        goes_first=decisions.goes_first,
        tell_waiting=slot.cell("bastion_strangers_waiting").set,
    )
