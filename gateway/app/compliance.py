"""Puts together what looks at the controls, and the metric that shows them."""

from functools import partial
from typing import Final

from gateway.app.concern import Concern, every
from gateway.config import Config
from gateway.core.compliance.page import NOT_OBSERVED, STATES
from gateway.core.privacy.retention import RetentionRule
from gateway.flows.compliance.control_run import ControlRun, Installation
from gateway.flows.compliance.levels import control_states
from gateway.flows.decide.decisions import Decisions
from gateway.flows.operate.leader import Job
from gateway.resources import Resources
from gateway.stores.postgres.replication import has_several_hosts
from gateway.worker import Start

_LOOK_S: Final = 60.0
_MOST_S: Final = 600.0


def compliance(*, start: Start, resources: Resources, decisions: Decisions) -> Concern:
    run = control_run_of(start.config, resources, decisions)

    async def look() -> None:
        """By one worker of a node: the state is that of the whole fleet."""
        for control, state in (await control_states(resources.acts)).items():
            for one in STATES:
                start.slot.cell("bastion_control", f"{control} {one}").set(int(one == (state or NOT_OBSERVED)))

    return Concern(
        jobs=(Job("controls", run.work, every_s=_LOOK_S, most_s=_MOST_S),),
        beside=() if start.number else (partial(every, _LOOK_S, look),),
    )


def control_run_of(config: Config, resources: Resources, decisions: Decisions) -> ControlRun:
    off = {
        "checkpoints-off-host": not config.audit.checkpoint_webhook,
        "retention-ran": not config.retention.enabled,
        "standby-synchronous": not has_several_hosts(config.database.url),
    }
    terms = config.retention.terms()
    installation = Installation(
        policy=lambda: decisions.policy,
        servers=resources.functions.servers,
        off=frozenset(control for control, is_off in off.items() if is_off),
        auth_host=config.auth_host,
        mfa_groups=config.mfa.required_for,
        consent_enforced=config.consent.enforce == "require",
        lockout_failures=config.lockout.failures,
        retention_rules=tuple(rule.value for rule in RetentionRule if terms.of(rule) is not None),
    )
    return ControlRun(resources.acts, installation, config.compliance.every_s)
