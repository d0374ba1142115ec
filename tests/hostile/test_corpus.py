"""Hundreds of hostile requests, raw, through Caddy and Bastion to apps of five kinds."""

import pytest

from tests.hostile.assault import Assault
from tests.hostile.cases import cases
from tests.hostile.ground import Ground

pytestmark = pytest.mark.timeout(300)  # the first makes the apps
CASES = list(cases())
GROUPS = sorted({case.group for case in CASES})


def test_the_corpus_is_of_at_least_300_requests_and_none_is_there_twice() -> None:
    sent = {repr({**case.said, "name": ""}) for case in CASES}

    assert len(sent) == len(CASES) >= 300
    assert len({(case.group, case.name) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("group", GROUPS)
async def test_nothing_gets_past(ground: Ground, backend: str, group: str) -> None:
    assault = Assault(ground, backend)

    await assault.run(case for case in CASES if case.group == group)

    assert assault.faults == [], "\n".join(assault.faults)
