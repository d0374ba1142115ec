"""Somebody whose group asks for a second factor: reminded on the way to an app, and led to enrolment at last."""

from tests.conftest import CAREFUL, run_apart
from tests.databases import execute
from tests.journeys.test_undoing import PASSWORD, add, enrol
from tests.staging import Stage


def test_a_person_is_reminded_goes_on_and_has_to_enrol_when_the_time_is_over(stage: Stage) -> None:
    add(stage, "fred", CAREFUL)
    visitor = stage.visitor()

    reminded = visitor.log_in(visitor.visit(stage.app + "/notes/7"), "fred", PASSWORD)
    assert reminded.url.startswith(stage.auth + "/enrol?j=")
    assert "After 14 more days" in reminded.text
    later = visitor.visit(reminded.url.replace("/enrol?", "/login?"))
    assert (later.status, later.url) == (200, stage.app + "/notes/7")

    run_apart(execute(stage.postgres, "UPDATE enrolments_due SET due_at = 1", "journeys"))
    led = visitor.visit(stage.app2 + "/")
    assert led.url.startswith(stage.auth + "/enrol?j=")
    assert "Later" not in led.text
    assert visitor.visit(led.url.replace("/enrol?", "/login?")).url == led.url

    enrol(stage, visitor)
    assert visitor.visit(led.url).url == stage.app2 + "/"
