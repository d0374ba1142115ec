"""`bastion review`: who may open what, looked at person by person, and decided by somebody else."""

import json
from typing import Final

import click

from gateway.cli._acting import acting, operator
from gateway.cli._options import duration, with_config
from gateway.cli._people import admin_of
from gateway.cli._policy import policy_of
from gateway.cli._times import utc
from gateway.config import Config
from gateway.flows.compliance.access_reviews import AccessReviews, NamedLine, ReviewDecision, ShownReview
from gateway.resources import Resources

_ID: Final = click.argument("review_id", metavar="ID", type=click.IntRange(1, 2**63 - 1))
_AS: Final = click.option("--as", "reviewer", required=True, metavar="NAME", help="The person who decides.")


@click.group()
def review() -> None:
    """Review who may open what: start a review, decide each line, finish it.

    The list is frozen when the review starts. Nobody decides about themselves.
    """


@review.command()
@click.option("--group", default="", metavar="G", help="Only people of this group. Default: everybody.")
@click.option("--due", default="14d", show_default=True, metavar="TIME", help="By when it has to be finished.")
@with_config
def start(config: Config, *, group: str, due: str) -> None:
    """Freeze the list of people, their groups, and the routes that these open by the policy in force."""
    policy, due_s = policy_of(config), duration("--due", due)
    begun, lines = acting(config, lambda resources: _reviews(resources).start(policy, group, due_s))
    click.echo(f"Review {begun} has {lines} lines. Decide with `bastion review keep|remove {begun} PERSON --as NAME`.")


@review.command("list")
@with_config
def list_(config: Config) -> None:
    """List the reviews, the oldest first."""
    for one in acting(config, lambda resources: _reviews(resources).list()):
        state = f"due {utc(one.due_at)}" if one.finished_at is None else f"finished {utc(one.finished_at)}"
        click.echo(f"{one.id:<6} {one.group or 'everybody':<24} begun {utc(one.begun_at)}  {state}")


@review.command()
@_ID
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@with_config
def show(config: Config, *, review_id: int, as_json: bool) -> None:
    """Show each person with groups, state, last login and routes, and what was decided."""
    found = acting(config, lambda resources: _reviews(resources).show(review_id))
    if as_json:
        click.echo(json.dumps(_as_json(found), indent=2, ensure_ascii=False))
        return
    for one in found.lines:
        click.echo(_line(one))


@review.command()
@_ID
@click.argument("person")
@_AS
@with_config
def keep(config: Config, *, review_id: int, person: str, reviewer: str) -> None:
    """Decide that a person keeps their access."""
    _decide(config, review_id, person, reviewer, "keep")


@review.command()
@_ID
@click.argument("person")
@_AS
@with_config
def remove(config: Config, *, review_id: int, person: str, reviewer: str) -> None:
    """Decide that a person loses it, at once: the group of the review, or the account in a review of everybody."""
    _decide(config, review_id, person, reviewer, "remove")


@review.command()
@_ID
@with_config
def finish(config: Config, *, review_id: int) -> None:
    """Finish a review, once each line is decided."""
    acting(config, lambda resources: _reviews(resources).finish(review_id))
    click.echo(f"Review {review_id} is finished.")


def _decide(config: Config, review_id: int, person: str, reviewer: str, decision: ReviewDecision) -> None:
    acting(
        config,
        lambda resources: _reviews(resources).decide(
            review_id, person, reviewer, decision, admin_of(config, resources)
        ),
    )
    click.echo(f"{person}: {decision}, decided by {reviewer}.")


def _reviews(resources: Resources) -> AccessReviews:
    return AccessReviews(resources.acts, operator())


def _line(one: NamedLine) -> str:
    line = one.line
    login = "never" if line.last_login_at is None else utc(line.last_login_at)
    decided = f"{line.decision} by {one.reviewer or line.decided_by}" if line.decision else "undecided"
    name = one.username or str(line.user_id)
    groups, opens = " ".join(line.groups) or "-", " ".join(line.opens) or "-"
    return f"{name:<24} {line.state:<9} last login {login}  {decided}\n    groups: {groups}\n    opens: {opens}"


def _as_json(found: ShownReview) -> dict[str, object]:
    row = found.row
    return {
        "id": row.id,
        "group": row.group or None,
        "policy": row.policy,
        "begun_at": row.begun_at,
        "begun_by": row.begun_by,
        "due_at": row.due_at,
        "finished_at": row.finished_at,
        "lines": [
            {
                "person": str(one.line.user_id),
                "username": one.username or None,
                "groups": list(one.line.groups),
                "state": one.line.state,
                "last_login_at": one.line.last_login_at,
                "opens": list(one.line.opens),
                "decision": one.line.decision,
                "decided_by": one.reviewer or None,
                "decided_at": one.line.decided_at,
            }
            for one in found.lines
        ],
    }
