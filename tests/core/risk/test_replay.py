"""Sixty days of a made-up population: honest people are hardly asked, strangers abroad always.

docs/risk.md has the figures of `EXHAUSTIVE=1`, which this prints.
"""

from tests.core.risk.population import ATTACKS, Tally, replay
from tests.exhaustive import EXHAUSTIVE

PEOPLE = 1000 if EXHAUSTIVE else 60


def test_strangers_are_stopped_and_honest_people_are_not() -> None:
    found = replay(PEOPLE)

    for name, tally in (found.honest | found.attacks).items():
        print(_row(name, tally))
    after = found.honest["after day 30"]
    stopped = {name: found.attacks[name].stopped() for name in ATTACKS}
    assert after.stopped() < 0.01
    assert after.blocked <= 0.001 * after.all
    assert found.honest["first 14 days"].stopped() < 0.15
    assert stopped["a strange device abroad"] == 1
    assert stopped["stolen cookies in another browser, abroad"] == 1
    assert stopped["a strange device in the same country"] > 0.8
    assert stopped["malware on the person's own machine"] == 0


def _row(name: str, tally: Tally) -> str:
    shares = (100 * count / max(1, tally.all) for count in (tally.asked, tally.blocked))
    return f"| {name} | {tally.all:,} | " + " | ".join(f"{share:.2f} %" for share in shares) + " |"
