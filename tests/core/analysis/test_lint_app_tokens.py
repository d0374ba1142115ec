"""Where the app is the lock, a policy is warned of unless it says so."""

import pytest

from gateway.core.analysis.lint import lint
from tests.core.policy.build import HOST, NOW, policy_of

DEFINE = (
    'define: {app_tokens: {key: {header: X-Api-Key}, basic: {header: Authorization, starts: "Basic "}, '
    "url: [{header: X-A}, {query: apikey}], taken: {header: X-Auth-User}}}\n"
)
COUNTED = "note: checked by the app"
MIXED = f"allow: [{{groups: staff}}, {{app_token: key}}], {COUNTED}, routes:"


def warned(settings: str) -> list[tuple[str, str]]:
    return [
        (one.code, one.message) for one in lint(policy_of(f"{DEFINE}apps: {{a: {{hosts: {HOST}, {settings}}}}}"), NOW)
    ]


@pytest.mark.parametrize(
    ("settings", "code", "said"),
    [
        (
            "allow: [{groups: staff}, {app_token: key}]",
            "app-decides",
            "sends something as app token key: the app alone",
        ),
        ("allow: {app_token: key, networks: 10.0.0.0/8}", "app-decides", "a/rest lets in every client"),
        (f"allow: {{app_token: taken}}, {COUNTED}", "no-app-token", "from x-auth-user, which Bastion takes away"),
        (f"allow: {{app_token: key}}, limits: none, {COUNTED}", "app-unlimited", "add a limit with per: ip"),
        (
            f"allow: [{{groups: staff}}, {{app_token: key}}], limits: {{rate: 9/min, per: principal}}, {COUNTED}",
            "app-unlimited",
            "guessing them costs nothing",
        ),
        (
            f"{MIXED} {{x: {{paths: /x, allow: {{groups: ops}}}}}}",
            "open-below",
            "lets in every client that sends something as the app's token",
        ),
    ],
)
def test_what_is_warned_of(settings: str, code: str, said: str) -> None:
    ((found, message),) = warned(settings)

    assert found == code
    assert said in message


def test_a_secret_in_the_url_is_warned_of_too() -> None:
    first, second = warned("allow: {app_token: url}")

    assert (first[0], second[0]) == ("app-decides", "secret-in-url")
    assert "(?apikey=)" in second[1]


@pytest.mark.parametrize(
    "settings",
    [
        f"allow: [{{groups: staff}}, {{app_token: url}}], {COUNTED}",
        f"allow: {{app_token: basic}}, limits: {{rate: 9/min, per: ip}}, {COUNTED}",
        f"allow: {{app_token: basic}}, limits: [{{rate: 9/min, per: principal}}, 600/min], {COUNTED}",
        "allow: {groups: staff, app_token: key}",
        "allow: {groups: staff}, deny: {not: {app_token: key}}",
        f"{MIXED} {{x: {{paths: /x/**, allow: {{groups: ops}}}}}}",
    ],
)
def test_what_is_said_in_a_note_is_fine(settings: str) -> None:
    assert warned(settings) == []
