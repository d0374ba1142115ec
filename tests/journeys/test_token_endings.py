"""Whatever ends an app's access holds on every worker when it has been answered, and nothing brings it back."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.exhaustive import EXHAUSTIVE
from tests.journeys.apps import asked_of_all_workers, call, discovered, post, tokens_for
from tests.staging import Stage, Visitor
from tests.zygote import bastion as run

ROUNDS = 600 if EXHAUSTIVE else 3
End = Callable[[Stage, Visitor, dict[str, Any]], None]


def revoked(stage: Stage, _visitor: Visitor, tokens: dict[str, Any]) -> None:
    form = {"token": tokens["access_token"], "client_id": str(stage.summary["client_id"])}
    assert post(stage, discovered(stage)["revocation_endpoint"], form).status == 200


def ended_on_the_apps_page(stage: Stage, visitor: Visitor, _tokens: dict[str, Any]) -> None:
    """Other apps of the stage may have access from tests before."""
    page, end = visitor.visit(f"{stage.auth}/account/apps"), f"/account/apps/{stage.summary['client_id']}/end"
    assert "Notes" in page.text
    assert f'action="{end}"' in page.text
    after = visitor.submit(page, end, csrf=page.field("csrf"))
    assert after.status == 200
    assert f'action="{end}"' not in after.text


def signed_out_everywhere(stage: Stage, visitor: Visitor, _tokens: dict[str, Any]) -> None:
    page = visitor.visit(f"{stage.auth}/account")
    assert visitor.submit(page, "/account/sessions/end-all", csrf=page.field("csrf")).status == 200


def ended_by_an_operator(stage: Stage, _visitor: Visitor, _tokens: dict[str, Any]) -> None:
    for line in bastion(stage, "grant", "list", "--user", "ada").splitlines():
        assert "is ended" in bastion(stage, "grant", "revoke", line.split()[0])


def disabled(stage: Stage, _visitor: Visitor, _tokens: dict[str, Any]) -> None:
    """And enabled again: that brings nothing back."""
    bastion(stage, "user", "disable", "ada")
    bastion(stage, "user", "enable", "ada")


def reused(stage: Stage, _visitor: Visitor, tokens: dict[str, Any]) -> None:
    """By a thief who waited until the app had walked on."""
    second = refreshed(stage, tokens["refresh_token"]).json()["refresh_token"]
    assert refreshed(stage, second).status == 200
    assert refreshed(stage, tokens["refresh_token"]).status == 400


def refreshed(stage: Stage, token: str, client: str = "") -> Any:
    """client: its id; "" for the demo's own."""
    form = {
        "grant_type": "refresh_token",
        "client_id": client or str(stage.summary["client_id"]),
        "refresh_token": token,
    }
    return post(stage, discovered(stage)["token_endpoint"], form)


def bastion(stage: Stage, *arguments: str, stdin: str = "") -> str:
    config = stage.demo.directory / "config.yaml"
    ran = run(*arguments, "--config", config, stdin=stdin)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


ENDINGS: list[End] = [revoked, ended_on_the_apps_page, signed_out_everywhere, ended_by_an_operator, disabled, reused]


@pytest.mark.parametrize("end", ENDINGS, ids=lambda end: end.__name__)
def test_what_ended_passes_on_no_worker(stage: Stage, end: End) -> None:
    visitor = stage.visitor()
    tokens = tokens_for(stage, visitor)
    assert asyncio.run(asked_of_all_workers(stage, tokens["access_token"])) == {200}

    end(stage, visitor, tokens)

    for _ in range(ROUNDS):
        assert asyncio.run(asked_of_all_workers(stage, tokens["access_token"])) == {401}
    assert call(stage, tokens["access_token"]).status == 401
    again = refreshed(stage, tokens["refresh_token"])
    assert (again.status, again.json()["error"]) == (400, "invalid_grant")
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert stage.visitor().send("GET", discovered(stage)["userinfo_endpoint"], bearer).status == 401
