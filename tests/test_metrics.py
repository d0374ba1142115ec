"""Figures that all workers write and anyone can read."""

import os
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

import gateway
from gateway.figures import FIGURES, JOBS, Counter, Gauge, Histogram
from gateway.metrics import Metrics

TOY = (
    Counter("toy_calls", "Calls.", "outcome", ("good", "bad")),
    Gauge("toy_open", "Open."),
    Histogram("toy_seconds", "Durations.", (1_000, 10_000)),
    Histogram("toy_work_seconds", "Work.", (1_000,), label="job", values=("wash", "iron")),
)


def samples(metrics: Metrics) -> dict[tuple[str, str], float]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def test_the_slots_are_summed() -> None:
    metrics = Metrics(3, TOY)
    for number in range(3):
        metrics.slot(number).cell("toy_calls", "good").add(number + 1)
        metrics.slot(number).cell("toy_open").set(10)
    metrics.slot(1).cell("toy_calls", "bad").add()

    assert samples(metrics)["toy_calls_total", "good"] == 6
    assert samples(metrics)["toy_calls_total", "bad"] == 1
    assert samples(metrics)["toy_open", ""] == 30


@pytest.mark.parametrize(
    ("duration_us", "counts"), [(1_000, (1, 1, 1)), (1_001, (0, 1, 1)), (10_000, (0, 1, 1)), (10_001, (0, 0, 1))]
)
def test_a_duration_counts_in_every_bucket_that_holds_it(duration_us: int, counts: tuple[int, ...]) -> None:
    metrics = Metrics(2, TOY)

    metrics.slot(1).timer("toy_seconds").observe(duration_us)

    found = samples(metrics)
    assert tuple(found["toy_seconds_bucket", bound] for bound in ("0.001", "0.01", "+Inf")) == counts
    assert found["toy_seconds_sum", ""] == duration_us / 1_000_000


def test_each_value_of_a_histogram_has_buckets_of_its_own() -> None:
    metrics = Metrics(2, TOY)

    metrics.slot(0).timer("toy_work_seconds", "wash").observe(1_000)
    metrics.slot(1).timer("toy_work_seconds", "wash").observe(5_000)
    metrics.slot(1).timer("toy_work_seconds", "iron").observe(2_000)

    found = samples(metrics)
    assert [found["toy_work_seconds_bucket", f"{one}"] for one in ("wash,0.001", "wash,+Inf", "iron,+Inf")] == [1, 2, 1]
    assert (found["toy_work_seconds_count", "wash"], found["toy_work_seconds_sum", "wash"]) == (2, 0.006)
    assert found["toy_work_seconds_sum", "iron"] == 0.002
    assert found["toy_seconds_count", ""] == 0


def test_another_process_writes_into_the_same_figures() -> None:
    metrics = Metrics(2, TOY)

    child = os.fork()
    if child == 0:
        metrics.slot(1).cell("toy_calls", "good").add(5)
        os._exit(0)
    os.waitpid(child, 0)

    assert samples(metrics)["toy_calls_total", "good"] == 5


def test_a_new_worker_keeps_the_counters_and_not_the_levels() -> None:
    metrics = Metrics(1, TOY)
    metrics.slot(0).cell("toy_calls", "good").add(5)
    metrics.slot(0).cell("toy_open").set(5)

    metrics.slot(0).reset_gauges()

    assert samples(metrics)["toy_calls_total", "good"] == 5
    assert samples(metrics)["toy_open", ""] == 0


def test_what_nobody_declared_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        Metrics(1, TOY).slot(0).cell("toy_calls", "ugly")


def test_all_figures_have_names_of_their_own() -> None:
    assert len({figure.name for figure in FIGURES}) == len(FIGURES)
    assert Metrics(4).render().endswith(b"\n")


def test_each_job_of_the_leader_has_a_counter_of_its_failures() -> None:
    """Without one, the first failure would end the job."""
    sources = (path.read_text() for path in Path(gateway.__path__[0]).rglob("*.py"))
    named = {name for text in sources for name in re.findall(r'\bJob\("(\w+)"', text)}

    assert len(named) > 10
    assert named <= set(JOBS)
