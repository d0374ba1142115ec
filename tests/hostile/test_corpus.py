"""Hundreds of hostile requests, raw, through Caddy and Bastion to apps of five kinds."""

import pytest

from tests.hostile.assault import Assault
from tests.hostile.cases import cases
from tests.hostile.ground import Ground
from tests.hostile.judge import CADDYS_OWN
from tests.hostile.people import EVE
from tests.hostile.policy import BACKENDS
from tests.tools import lacks

pytestmark = pytest.mark.timeout(300)  # the first makes the apps
CASES = list(cases())
GROUPS = sorted({case.group for case in CASES})
# Caddy's own answers that are no 4xx.
KNOWN = {
    ("methods", "OPTIONS of everything"): "empty",
    ("bodies", "chunked twice"): "501",
    ("bodies", "chunked and identity"): "501",
    ("bodies", "identity"): "501",
    ("bodies", "gzip and chunked"): "501",
    ("bodies", "xchunked"): "501",
    ("bodies", "chunked with a quote"): "501",
    ("forms", "HTTP/2.0"): "505",
}
# What never ends is no request yet; and a broken one over HTTP/2 ends its stream or its connection.
SILENT = {("bodies", "a body that is not long enough"), ("forms", "headers that never end")}
SILENT_OVER_H2 = 25


def test_no_request_is_in_the_corpus_twice() -> None:
    sent = {repr({**case.said, "name": ""}) for case in CASES}

    assert len(sent) == len(CASES)
    assert len({(case.group, case.name) for case in CASES}) == len(CASES)


def test_at_least_300_of_them_reach_no_app_for_either_sender() -> None:
    stopped = [case for case in CASES if not case.words & EVE.opens]

    assert len(stopped) >= 300
    assert {word for case in stopped for word in case.words} == {"login", "denied", "refused", "nothing", *CADDYS_OWN}


def test_only_these_get_an_answer_that_is_no_4xx_or_none_at_all() -> None:
    known = {(case.group, case.name): case.words for case in CASES if case.words & CADDYS_OWN.keys()}
    silent = [case for case in CASES if "nothing" in case.words]

    assert known == {which: {word} for which, word in KNOWN.items()}
    assert {(case.group, case.name) for case in silent if "h2" not in case.said} == SILENT
    assert sum("h2" in case.said for case in silent) == SILENT_OVER_H2


def test_apps_of_at_least_four_kinds_are_asked(ground: Ground) -> None:
    here = set(BACKENDS) - ground.missing.keys()
    if "express" in ground.missing:
        lacks("the fourth kind of app", ground.missing["express"])

    assert len(here) >= 4


@pytest.mark.parametrize("group", GROUPS)
async def test_nothing_gets_past(ground: Ground, backend: str, group: str) -> None:
    assault = Assault(ground, backend)

    await assault.run(case for case in CASES if case.group == group)

    assert assault.faults == [], "\n".join(assault.faults)
