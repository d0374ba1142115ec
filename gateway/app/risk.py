"""Puts together what the risk score does beside logins: it forgets, and tells how old its GeoIP file is."""

from functools import partial
from typing import Final

from gateway.app.concern import Concern, every
from gateway.flows.operate.leader import Job
from gateway.flows.people.risk import Risk
from gateway.resources import clock
from gateway.worker import Start

_FORGET_S: Final = 3_600.0
_LOOK_S: Final = 60.0


def risk(*, start: Start, risk: Risk) -> Concern:
    """The age of the file is the same for all workers of a node, so one of them tells it."""
    age = start.slot.cell("bastion_geoip_age_seconds")

    async def look() -> None:
        built_at = risk.geoip.built_at
        age.set(0 if built_at is None else max(0, clock() - built_at))

    async def close() -> None:
        risk.geoip.close()

    return Concern(
        jobs=(Job("risk", risk.forget_old, every_s=_FORGET_S),),
        before=() if start.number else (look,),
        beside=() if start.number else (partial(every, _LOOK_S, look),),
        at_end=(close,),
    )
