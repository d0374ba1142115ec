"""What the score of a login costs: the arithmetic alone, of a person with a full history."""

import time
from dataclasses import replace
from ipaddress import ip_address
from typing import Final

from bench.figures import Figure
from gateway.core.risk.places import Point, Spot, address_text, network_text
from gateway.core.risk.profile import MOST_LOGINS, Lesson, RiskProfile, learn
from gateway.core.risk.score import RiskFacts, Weights, score

_BEGUN_AT: Final = 1_790_000_000
_DAY_S: Final = 86_400
_HERE: Final = Spot("DE", Point(52.52, 13.40, 20))
_ABROAD: Final = Spot("PT", Point(38.72, -9.14, 20))
_NETWORKS: Final = 40  # more than a profile keeps


def risk_figures(repetitions: int, count: int) -> list[Figure]:
    """Microseconds a score of a strange device abroad, which looks at everything that is remembered."""
    profile = _full()
    address = ip_address("198.51.100.4")
    facts = RiskFacts(now=profile.last_at + 60, address=address, spot=_ABROAD, failures=2, breached=True)
    weights, times_us = Weights(), []
    assert score(facts, profile, weights).points == 100
    for _ in range(repetitions):
        begun = time.perf_counter()
        for number in range(count):
            score(replace(facts, now=facts.now + number), profile, weights)
        times_us.append((time.perf_counter() - begun) / count * 1e6)
    return [Figure.of("risk.score_us", times_us)]


def _full() -> RiskProfile:
    profile = RiskProfile()
    for number in range(MOST_LOGINS):
        address = ip_address(f"203.0.{number % _NETWORKS}.7")
        lesson = Lesson(
            login=f"{number:011}",
            at=_BEGUN_AT + number * _DAY_S,
            network=network_text(address),
            address=address_text(address),
            country="DE",
            point=_HERE.point,
            new_device=False,
        )
        profile = learn(profile, lesson)
    return profile
