"""Somebody who leaves rows in nearly every table, in the browser and by an operator's hand, with the same few words."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.conftest import CAREFUL
from tests.journeys.documents import answer, published
from tests.journeys.test_fapi2 import Bank
from tests.journeys.test_token_endings import bastion
from tests.second_factors import App, secret_in
from tests.staging import Seen, Stage, Visitor, forget_limits

NAME, EMAIL, PASSWORD = "konrad.zuse", "zuse@hinterstein.example", "the Z3 was first"
ADDRESS = "127.31.7.9"
REASON = "Konrad of Hinterstein asked"  # wherever an operator gives one
NETWORK = "127.0.0.0/8"  # in clear, as the map of data says
# Tables that stay empty here, and why.
ELSEWHERE: Final = {
    "account_uses": "retention writes it when it deletes logins, after 90 days; ids and times",
    "audit_queue": "entries wait there for a second; ids",
    "client_jwks": "public keys of apps",
    "decision_hours": "the leader adds decisions up when their hour is over; counts, and names that policy has",
    "emergencies": "ends sessions of other tests; ids, and names that policy has",
    "inactivity_notices": "after months; ids and times",
    "licences": "a text that the maker of Bastion signed",
    "notices": "what was told too often to be told again; kinds, ids and counts",
    "passkeys": "a browser makes them; sealed as authenticator apps are",
    "password_doubts": "when an attempt was left or blocked; a digest",
    "resting_roles": "after a restore; ids",
    "retention_approvals": "when a run was stopped; ids",
}


def browser(stage: Stage) -> Visitor:
    return Visitor(str(stage.summary["ca_file"]), source=ADDRESS)


def log_in(stage: Stage, visitor: Visitor, password: str = PASSWORD) -> Seen:
    forget_limits(stage)
    return visitor.log_in(visitor.visit(f"{stage.auth}/login"), NAME, password)


def add(stage: Stage) -> None:
    """Under another name and with another password than later."""
    who = ["--name", "Konrad Zuse", "--email", EMAIL, "--group", "staff", "--group", CAREFUL]
    bastion(stage, "user", "add", "zuse.konrad", *who, "--password-stdin", stdin=f"before {PASSWORD}")
    bastion(stage, "user", "set-password", "zuse.konrad", "--password-stdin", stdin=PASSWORD)
    bastion(stage, "user", "rename", "zuse.konrad", NAME)
    bastion(stage, "admin", "grant", NAME, "auditor", "--reason", REASON)


def first_login(stage: Stage, visitor: Visitor) -> None:
    """After a wrong password; their group has to set up a second factor."""
    assert log_in(stage, browser(stage), "no idea").status == 403
    forget_limits(stage)
    seen = visitor.log_in(visitor.visit(stage.app + "/"), NAME, PASSWORD)
    assert seen.url.startswith(f"{stage.auth}/enrol?j="), seen


def enrol(stage: Stage, visitor: Visitor) -> App:
    page = visitor.visit(f"{stage.auth}/account/security")
    begun = visitor.submit(page, "/account/security/app", csrf=page.field("csrf"))
    app = App(secret_in(begun.text))
    done = visitor.submit(begun, "/account/security/app/confirm", csrf=begun.field("csrf"), code=app.code())
    assert done.text.count("<li>") >= 10
    return app


def second_login(stage: Stage, app: App) -> Visitor:
    """With the second factor, which somebody else lacks; and into the console."""
    log_in(stage, browser(stage))
    page = log_in(stage, visitor := browser(stage))
    hidden = {field: page.field(field) for field in ("csrf", "j", "i", "for")}
    visitor.submit(page, "/login/verify", code=app.code(), **hidden)
    page = visitor.visit(f"{stage.auth}/admin")
    entered = visitor.submit(page, "/admin/enter", csrf=page.field("csrf"))
    assert (entered.status, entered.url) == (200, f"{stage.auth}/admin"), entered.text
    return visitor


def browse(stage: Stage, visitor: Visitor, directory: Path) -> None:
    """Terms, a refusal, and an app that says in advance who comes."""
    with published(stage, directory):
        page = visitor.visit(stage.app2 + "/x")
        assert answer(visitor, page, "accept").url == stage.app2 + "/x"
    assert visitor.visit(f"{stage.app}/").status == 200
    assert visitor.visit(f"{stage.app}/admin/of/{NAME}?of={EMAIL}").status == 403
    assert Bank(stage).push({"login_hint": EMAIL, "state": NAME}).status == 201


@contextmanager
def handled(stage: Stage) -> Iterator[None]:
    """By an operator; what others would notice ends with it."""
    bastion(stage, "user", "code", NAME, "--reason", REASON)
    host = stage.app.removeprefix("https://")
    key = ["--name", f"of {NAME}", "--scope", "files", "--host", host, "--network", NETWORK]
    bastion(stage, "api-key", "create", NAME, *key)
    token = ["--role", "auditor", "--network", NETWORK, "--reason", REASON]
    bastion(stage, "admin", "token", "create", NAME, *token)
    bastion(stage, "user", "erase", NAME, "--after", "14d")
    bastion(stage, "compliance", "except", "redis-limited", "--until", "30d", "--reason", REASON)
    bastion(stage, "review", "start", "--group", CAREFUL)
    bastion(stage, "settings", "set", "OAUTH.PAR", "99/min", "--until", "1h", "--reason", REASON)
    app = ["name=Filled", "type=spa", f"redirect_uris={stage.summary['redirect_uri']}", "scopes=openid"]
    bastion(stage, "client", "add", "filled", *(f"--set={one}" for one in app))
    hook = bastion(stage, "webhook", "add", "https://hinterstein.example/konrad", "--events", "user_erased").split()[0]
    hold = bastion(stage, "hold", "add", NAME, "--reason", REASON).split()[1]
    try:
        yield
    finally:
        bastion(stage, "hold", "lift", hold)
        bastion(stage, "webhook", "remove", hook)
        bastion(stage, "client", "disable", "filled")
        bastion(stage, "settings", "reset", "OAUTH.PAR")
