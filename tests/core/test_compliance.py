"""What a series of looks says of a period, and how the report looks."""

from gateway.core.compliance.controls import Result
from gateway.core.compliance.page import ControlRow, ExceptionRow, Report, as_html, as_json
from gateway.core.compliance.period import ControlSpan, Observation, spans

EVERY_S = 100
PASS, FAIL = Result.PASS, Result.FAIL
DAY = 86_400


def look(at: int, result: Result = PASS, definition: bytes = b"a") -> Observation:
    return Observation(at, EVERY_S, definition, result, '{"found":1,"ids":["<x>"],"of":2}')


def told(
    observations: list[Observation], begins_at: int = 1_000, ends_at: int = 2_000
) -> list[tuple[int, int, object]]:
    return [(one.begins_at, one.ends_at, one.result) for one in spans(observations, begins_at, ends_at)]


def test_a_look_holds_until_the_next_one_up_to_twice_the_interval() -> None:
    on_time = [look(at) for at in range(1_000, 2_000, 2 * EVERY_S)]
    late = [look(1_000), look(1_201), *(look(at) for at in range(1_401, 2_000, EVERY_S))]

    assert told(on_time) == [(1_000, 2_000, PASS)]
    assert told(late) == [(1_000, 1_201, None), (1_201, 2_000, PASS)]


def test_time_before_the_first_look_and_after_the_last_was_not_observed() -> None:
    assert told([]) == [(1_000, 2_000, None)]
    assert told([look(1_500)]) == [(1_000, 2_000, None)]
    assert told([look(1_500), look(1_600)]) == [(1_000, 1_500, None), (1_500, 1_600, PASS), (1_600, 2_000, None)]
    assert told([look(1_700), look(1_850)]) == [(1_000, 1_700, None), (1_700, 2_000, PASS)]


def test_the_last_look_before_the_period_holds_in_it() -> None:
    assert told([look(950, FAIL), look(1_100), look(1_200)], ends_at=1_300) == [
        (1_000, 1_100, FAIL),
        (1_100, 1_300, PASS),
    ]


def test_another_definition_is_a_span_of_its_own() -> None:
    found = spans([look(1_000), look(1_100, definition=b"b")], 1_000, 1_200)

    assert [(one.definition, one.lasted_s) for one in found] == [(b"a", 100), (b"b", 100)]


def test_the_page_is_one_file_without_scripts_that_escapes_words_and_says_what_it_is_not() -> None:
    row = ControlRow(
        "backup-age", "ab", [ControlSpan(0, DAY, b"a", FAIL, look(0).evidence), ControlSpan(DAY, 4 * DAY, b"a", PASS)]
    )
    exception = ExceptionRow("backup-age", 0, DAY, "<script>alert(1)</script>", "cli:root")
    report = Report(0, 4 * DAY, 4 * DAY, [row], [exception], {"logins": 3}, [7])

    page, data = as_html(report), as_json(report)

    assert "25.0 %" in page
    assert "1 of 2: &lt;x&gt;" in page
    assert "no audit opinion" in page
    assert "these runs are not those that the audit log tells of: 7." in page
    assert "@media print" in page
    assert not any(word in page for word in ("<script", "http:", "https:", "src=", "<link"))
    assert data["changed_runs"] == [7]
