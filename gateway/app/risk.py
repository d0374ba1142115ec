"""Puts together what the risk score does beside logins: it forgets, and tells how old its GeoIP file is."""

from functools import partial
from typing import Final

from gateway.app.concern import Concern, every
from gateway.flows.act import Acts
from gateway.flows.operate.leader import Job
from gateway.flows.people.beyond_mail import BeyondMail
from gateway.flows.people.risk import Risk
from gateway.resources import clock
from gateway.worker import Start

_FORGET_S: Final = 3_600.0
_COUNT_S: Final = 86_400.0
_LOOK_S: Final = 60.0


def risk(*, start: Start, risk: Risk, acts: Acts) -> Concern:
    """The age of the file is the same for all workers of a node, so one of them tells it."""
    age = start.slot.cell("bastion_geoip_age_seconds")

    async def look() -> None:
        built_at = risk.geoip.built_at
        age.set(0 if built_at is None else max(0, clock() - built_at))

    async def close() -> None:
        risk.geoip.close()

    section = start.config.risk
    beyond = BeyondMail(acts, start.config.mail.is_on and section.without_factor == "mail")
    counts = (Job("beyond_mail", beyond.warn, every_s=_COUNT_S),) if section.without_factor != "admit" else ()
    return Concern(
        jobs=(Job("risk", risk.forget_old, every_s=_FORGET_S), *counts),
        before=() if start.number else (look,),
        beside=() if start.number else (partial(every, _LOOK_S, look),),
        at_end=(close,),
    )
