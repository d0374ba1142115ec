"""What is kept of each decision."""

from dataclasses import replace

import pytest

from gateway.core.forward.answer import Answer
from gateway.core.forward.request import read_request
from gateway.core.privacy.sealing import MasterKeys
from gateway.flows.decision_recorder import DecisionRecorder
from gateway.flows.tallies import Tallies
from gateway.metrics import Metrics
from gateway.stores.postgres.vault import Vault
from tests.conftest import Clock, Pool, RandomBytes
from tests.core.forward.setting import ADA, HEADERS

DENIED = Answer(403, b"", b"", "deny", "app/admin", "groups", ADA)


@pytest.mark.parametrize(
    ("cookie", "answer", "denials", "doubled"),
    [
        (b"__Host-bastion=x", DENIED, 1, 0),
        (b"__Host-bastion=x", replace(DENIED, outcome="allow"), 0, 0),
        (b"__Host-bastion=x; __Host-bastion=y", replace(DENIED, outcome="allow"), 0, 1),
        (b"__Host-bastion=x; __Host-bastion=y", DENIED, 1, 1),
    ],
)
async def test_denials_of_people_and_doubled_cookies_are_tallied(
    pool: Pool, cookie: bytes, answer: Answer, denials: int, doubled: int
) -> None:
    tallies = Tallies(pool, Vault(MasterKeys([b"m" * 32]), b"i" * 32, RandomBytes()), Clock())
    recorder = DecisionRecorder(Metrics(1).slot(0), "none", tallies)

    recorder.record(read_request([*HEADERS, (b"cookie", cookie)]), answer, 1)

    assert (sum(tallies._denials.values()), sum(tallies._doubled.values())) == (denials, doubled)
