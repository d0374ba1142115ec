"""Puts together how apps get codes: what judges their requests, and the pages on the way."""

from gateway.app.concern import Concern
from gateway.config import Config
from gateway.flows.decide.decisions import Decisions
from gateway.flows.oauth.authorize import Authorize
from gateway.flows.oauth.par import PushedParameters
from gateway.flows.operate.leader import Job
from gateway.resources import Resources, random_bytes
from gateway.web.browser import Browser
from gateway.web.oauth import authorize as pages
from gateway.web.oauth import metadata

_PURGE_S = 3_600.0


def authorize_of(*, config: Config, resources: Resources, decisions: Decisions) -> Authorize:
    keys = config.keys()
    return Authorize(
        acts=resources.acts,
        keys=keys,
        pushed=PushedParameters(resources.acts, keys.pushed, random_bytes),
        policy=lambda: decisions.policy,
        issuer=config.public_url,
        random=random_bytes,
    )


def authorizing(*, authorize: Authorize, browser: Browser) -> Concern:
    return Concern(
        routes=tuple(pages.routes(browser, authorize)),
        endpoints=tuple(metadata.routes(authorize.issuer, authorize.policy)),
        jobs=(Job("authorization", authorize.pushed.purge, every_s=_PURGE_S),),
    )
