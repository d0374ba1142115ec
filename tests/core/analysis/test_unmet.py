"""What a policy asks and nobody can meet is warned of."""

from typing import Final

import pytest

from gateway.core.analysis.unmet import Directory, users_named, without_person
from tests.core.policy.build import app

PEOPLE: Final = Directory(frozenset({"ada", "eve"}), frozenset({"editors", "staff"}))
NAMES: Final = {
    "group": ("allow: {groups: editrs}", "no person has the group `editrs`; did you mean `editors`?", "editors"),
    "one of two groups": ("allow: {groups: [staff, editrs]}", "no person has the group `editrs`", "editors"),
    "group of a denial": ("allow: nobody, deny: {groups: editrs}", "no person has the group `editrs`", "editors"),
    "group inside": ("allow: {not: {groups: editrs}}", "no person has the group `editrs`", "editors"),
    "other case": ("allow: {groups: Editors}", "no person has the group `Editors`; did you mean `editors`?", "editors"),
    "user": ("allow: {users: adda}", "no person has the user name `adda`; did you mean `ada`?", "ada"),
    "user nobody is like": ("allow: {users: xyz}", "no person has the user name `xyz`", "eve"),
}


@pytest.mark.parametrize(("settings", "said", "right"), NAMES.values(), ids=NAMES)
def test_a_name_that_no_person_has_is_warned_of(settings: str, said: str, right: str) -> None:
    (found,) = without_person(app(settings), PEOPLE)
    wrong = found.message.split("`")[1]

    assert (found.code, found.message.startswith(said)) == ("no-person", True)
    assert without_person(app(settings.replace(wrong, right)), PEOPLE) == ()


def test_what_a_path_captures_is_nobodys_name() -> None:
    routes = 'routes: {x: {paths: "/home/{who}", allow: {users: "{who}"}}}'

    assert without_person(app(f"allow: {{groups: staff}}, {routes}"), PEOPLE) == ()


def test_a_name_is_told_once_for_each_place() -> None:
    found = without_person(
        app("allow: {groups: x}, routes: {r: {paths: /r}, s: {paths: /s, allow: {groups: x}}}"), PEOPLE
    )

    assert len(found) == 2


def test_a_user_name_is_one_of_policys_wherever_it_stands() -> None:
    policy = app(
        "allow: {users: [ada, eve]}, deny: {any: [{users: bob}, {groups: x}]},"
        ' routes: {r: {paths: "/home/{who}", allow: {not: {users: ["{who}", mallory]}}}}'
    )

    assert users_named(policy) == {"ada", "eve", "bob", "mallory"}
