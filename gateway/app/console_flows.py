"""Puts together what the console and its API do: both by the same flows, but for emergencies, which have no API."""

from dataclasses import dataclass
from functools import partial

from gateway.config import Config
from gateway.config.sections.limits import ADMIN_ACT_LIMIT, ADMIN_ROLE_LIMIT
from gateway.core.analysis.unmet import users_named
from gateway.core.policy.networks import NetworkSet
from gateway.core.ratelimit.slots import BucketNames
from gateway.flows.admin.decisions import AdminDecisions
from gateway.flows.admin.emergency import EmergencyAdmin
from gateway.flows.admin.lists import AdminLists
from gateway.flows.admin.live_settings import SettingsAdmin
from gateway.flows.admin.overview import ConsoleOverview
from gateway.flows.admin.people import AdminLimits, AdminPeople
from gateway.flows.admin.policy_view import AdminPolicy
from gateway.flows.admin.sessions import AdminSessions
from gateway.flows.admin.sign_ins import SignIns
from gateway.flows.compliance.access_reviews import AccessReviews
from gateway.flows.compliance.report import Compliance
from gateway.flows.documents import DocumentAdmin
from gateway.flows.keys.key_acts import ALWAYS, KeyActs
from gateway.flows.oauth.client_admin import ClientAdmin
from gateway.flows.people.api_keys import ApiKeyAdmin
from gateway.flows.people.throttle import ChangeThrottle
from gateway.flows.people.users import UserAdmin
from gateway.flows.policy.policies import Policies
from gateway.flows.webhooks.endpoint_admin import EndpointAdmin
from gateway.resources import Resources, breaches_of, notices_of, random_bytes
from gateway.stores.redis.buckets import Buckets
from gateway.worker import Start


@dataclass(frozen=True, slots=True)
class ConsoleFlows:
    overview: ConsoleOverview
    people: AdminPeople
    sessions: AdminSessions
    decisions: AdminDecisions
    policy: AdminPolicy
    settings: SettingsAdmin
    emergency: EmergencyAdmin
    lists: AdminLists
    limits: AdminLimits
    sign_ins: SignIns


def console_flows(*, start: Start, resources: Resources, buckets: Buckets, policies: Policies) -> ConsoleFlows:
    config, acts = start.config, resources.console
    throttle = partial(ChangeThrottle, buckets, BucketNames(config.keys().bucket))
    limits = AdminLimits(throttle(config.limit(ADMIN_ACT_LIMIT)), throttle(config.limit(ADMIN_ROLE_LIMIT)))

    def protected() -> frozenset[str]:
        return users_named(policies.in_force.policy).union(config.admin.protected_names)

    return ConsoleFlows(
        overview=ConsoleOverview(acts),
        people=AdminPeople(acts, _operators(config, resources), limits, protected, config.admin.protected_groups),
        sessions=AdminSessions(acts),
        decisions=AdminDecisions(acts, lambda: policies.in_force.policy),
        policy=AdminPolicy(acts, policies, start.long_work),
        settings=SettingsAdmin(acts, config.live_limits(), config.admin.live_settings),
        emergency=EmergencyAdmin(resources.acts, notices_of(config), lambda: policies.in_force.policy),
        lists=_lists(config, resources, policies),
        limits=limits,
        sign_ins=SignIns(acts),
    )


def _lists(config: Config, resources: Resources, policies: Policies) -> AdminLists:
    """Flows of commands, of which the console only reads: they act in nobody's name."""
    acts, keys, allowed = resources.console, config.keys(), NetworkSet.of(config.webhooks.allow_networks)
    return AdminLists(
        clients=ClientAdmin(acts, keys, "", random_bytes),
        signing_keys=KeyActs(acts, lambda: ALWAYS | {config.jwt.algorithm}, config.jwt.rotate_every),
        api_keys=ApiKeyAdmin(acts, keys, ""),
        endpoints=EndpointAdmin(acts, "", random_bytes, allowed, config.webhooks.endpoints),
        compliance=Compliance(acts, ""),
        reviews=AccessReviews(acts, ""),
        documents=DocumentAdmin(acts, ""),
        policy=lambda: policies.in_force.policy,
    )


def _operators(config: Config, resources: Resources) -> UserAdmin:
    return UserAdmin(
        acts=resources.console,
        passwords=resources.passwords,
        keys=config.keys(),
        random=random_bytes,
        actor="",
        rules=config.password_rules(),
        breaches=breaches_of(config, lambda _: None),
        notices=notices_of(config),
    )
