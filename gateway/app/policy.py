"""Puts together how a worker comes by its policy, and how the fleet agrees on it."""

import platform
from functools import partial

from gateway.app.concern import Checks, Concern, every, once
from gateway.app.console import Follower
from gateway.config.client_secrets import client_secret
from gateway.core.policy.site import Site
from gateway.flows.decide.decisions import Decisions
from gateway.flows.keys.key_ring import KeyRing
from gateway.flows.policy.policies import Policies
from gateway.flows.policy.policy_fleet import BEAT_S, PolicyBeat
from gateway.flows.policy.registered_clients import READ_EVERY_S, RegisteredClients
from gateway.resources import Resources
from gateway.stores.files.policies import LastGood
from gateway.stores.files.watch import watch
from gateway.web.operations import ReadinessCheck
from gateway.worker import Start


def policies_of(*, start: Start, resources: Resources, decisions: Decisions) -> Policies:
    """The policy of the start is in force when this returns."""
    config, slot = start.config, start.slot
    loads = {outcome: slot.cell("bastion_policy_loads", outcome) for outcome in ("accepted", "refused")}
    stale = slot.cell("bastion_policy_stale")

    def count(outcome: str) -> None:
        loads[outcome].add()
        stale.set(outcome == "refused")

    policies = Policies(
        long_work=start.long_work,
        directory=config.policy.directory,
        site=Site.of(config.public_url, config.jwt.access_ttl),
        limits=config.all_limits(),
        last_good=LastGood(config.data_dir / "policy-last-good.json"),
        acts=resources.acts,
        enforce=decisions.enforce,
        count=count,
        secrets=client_secret,
    )
    decisions.enforce(policies.first())
    return policies


def policy(*, start: Start, resources: Resources, policies: Policies, ring: KeyRing, follower: Follower) -> Concern:
    config, node = start.config, f"{platform.node()} {start.config.data_dir}"
    masters = resources.acts.vault.masters
    beat = PolicyBeat(resources.pool, policies, node, start.number, ring.published, follower.follow, masters)
    watching = (partial(watch, config.policy.directory, policies.reload),) if config.policy.watch else ()

    registered = RegisteredClients(resources.pool, policies)

    async def checks() -> Checks:
        return {"policy": ReadinessCheck(policies.serves, policies.detail)}

    return Concern(
        before=(partial(once, registered.refresh), follower.first),
        beside=(
            policies.announce,
            partial(once, beat.beat),
            partial(every, BEAT_S, beat.beat),
            partial(every, READ_EVERY_S, registered.refresh),
            *watching,
        ),
        checks=checks,
        at_end=(beat.end,),
    )
