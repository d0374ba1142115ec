"""Puts together how apps get codes: what judges their requests, and the pages on the way."""

from gateway.app.concern import Concern
from gateway.app.counters import refusal_counter
from gateway.config import Config
from gateway.config.sections.limits import ANSWER_LIMIT, PAR_LIMIT, PAR_PUBLIC_LIMIT
from gateway.core.oauth.request import Published
from gateway.core.ratelimit.slots import BucketNames
from gateway.flows.act import Acts
from gateway.flows.decide.decisions import Decisions
from gateway.flows.documents import DocumentGate, OwnDocuments
from gateway.flows.enrolment import Enrolment
from gateway.flows.keys.key_ring import KeyRing
from gateway.flows.oauth.authenticate_client import ClientAuthentication
from gateway.flows.oauth.authorize import Authorize
from gateway.flows.oauth.par import Par, ParLimits, PushedParameters
from gateway.flows.oauth.proofs import ProofCheck
from gateway.flows.operate.leader import Job
from gateway.flows.people.throttle import ChangeThrottle
from gateway.metrics import Slot
from gateway.resources import Resources, random_bytes
from gateway.stores.redis.buckets import Buckets
from gateway.web.browser import Browser
from gateway.web.oauth import authorize as pages
from gateway.web.oauth import metadata, par

_PURGE_S = 3_600.0


def authorize_of(*, config: Config, resources: Resources, decisions: Decisions, ring: KeyRing) -> Authorize:
    keys = config.keys()
    return Authorize(
        acts=resources.acts,
        keys=keys,
        pushed=PushedParameters(resources.acts, keys.pushed, random_bytes),
        policy=lambda: decisions.policy,
        published=lambda: Published(config.public_url, ring.current.verification),
        random=random_bytes,
        enrolment=enrolment_of(config),
        documents=gate_of(config),
    )


def gate_of(config: Config) -> DocumentGate:
    return DocumentGate(asks=True, enforced=config.consent.enforce == "require")


def answers_of(config: Config, acts: Acts, buckets: Buckets) -> OwnDocuments:
    throttle = ChangeThrottle(buckets, BucketNames(config.keys().bucket), config.limit(ANSWER_LIMIT))
    return OwnDocuments(acts, gate_of(config), throttle.before)


def enrolment_of(config: Config) -> Enrolment:
    return Enrolment(frozenset(config.mfa.required_for), config.mfa.enrol_within_s)


def authorizing(
    *,
    config: Config,
    slot: Slot,
    authorize: Authorize,
    browser: Browser,
    clients: ClientAuthentication,
    proofs: ProofCheck,
    buckets: Buckets,
) -> Concern:
    limits = ParLimits(BucketNames(config.keys().bucket), config.limit(PAR_LIMIT), config.limit(PAR_PUBLIC_LIMIT))
    pushing = Par(authorize.pushed, buckets, limits, authorize.policy, authorize.published)
    return Concern(
        routes=tuple(pages.routes(browser, authorize, refusal_counter(slot))),
        endpoints=(
            *metadata.routes(config.public_url, authorize.policy),
            *par.routes(clients, proofs, pushing),
        ),
        jobs=(Job("authorization", authorize.pushed.purge, every_s=_PURGE_S),),
    )
