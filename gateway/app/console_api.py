"""Puts together the console's API."""

from gateway.app.concern import Concern
from gateway.app.console_flows import ConsoleFlows
from gateway.app.counters import counter, failure_counter
from gateway.figures import ADMIN_REQUESTS
from gateway.flows.admin.tokens import AdminTokens
from gateway.resources import Resources, clock, random_bytes
from gateway.web.admin_requests import counting
from gateway.web.api.audit import OverviewOperations
from gateway.web.api.decisions import DecisionOperations
from gateway.web.api.door import API_PATH, ApiDoor
from gateway.web.api.openapi import with_document
from gateway.web.api.people import PeopleOperations
from gateway.web.api.sessions import SessionOperations
from gateway.web.api.settings import SettingsOperations
from gateway.web.forms import AuthHost
from gateway.worker import Start


def console_api(*, start: Start, resources: Resources, site: AuthHost, flows: ConsoleFlows) -> Concern:
    config = start.config
    if not config.admin.enabled:
        return Concern()
    tokens = AdminTokens(resources.console, config.keys().admin_token)
    door = ApiDoor(site, config.console_rules(), tokens, random_bytes, failure_counter(start.slot))
    operations = (
        *PeopleOperations(flows.people).all(),
        *SessionOperations(flows.sessions).all(),
        *SettingsOperations(flows.settings, flows.limits, clock).all(),
        *DecisionOperations(flows.decisions, flows.policy).all(),
        *OverviewOperations(flows.overview).all(),
    )
    count = counter(start.slot, "bastion_admin_requests", ADMIN_REQUESTS)
    routes = door.routes(with_document(operations, config.public_url + API_PATH))
    return Concern(console=tuple(routes), middlewares=(counting(count), door.middleware()))
