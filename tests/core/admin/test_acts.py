"""Who may do what in the console: the whole table, written out (ui.md section 3)."""

import itertools

import pytest

from gateway.core.admin.acts import ActTarget, AdminAct, AdminRole, covers, permits, who_may

OWNER, ADMIN, SUPPORT, AUDITOR = AdminRole
ON_NOBODY = {
    AdminAct.LOOK: {OWNER, ADMIN, SUPPORT, AUDITOR},
    AdminAct.LOOK_SOURCE: {OWNER, ADMIN, AUDITOR},
    AdminAct.LOOK_AUDIT: {OWNER, ADMIN, AUDITOR},
    AdminAct.LOOK_LISTS: {OWNER, ADMIN, AUDITOR},
    AdminAct.END_SESSIONS: {OWNER, ADMIN, SUPPORT},
    AdminAct.UNLOCK: {OWNER, ADMIN, SUPPORT},
    AdminAct.DISABLE: {OWNER, ADMIN},
    AdminAct.GROUPS: {OWNER, ADMIN},
    AdminAct.NAMES: {OWNER, ADMIN},
    AdminAct.INVITE: {OWNER, ADMIN},
    AdminAct.PROTECTED_NAMES: {OWNER},
    AdminAct.PROTECTED_GROUPS: {OWNER},
    AdminAct.LIMITS: {OWNER, ADMIN},
    AdminAct.LIMITS_FAR: {OWNER},
    AdminAct.ROLES: {OWNER},
    AdminAct.EMERGENCY: {OWNER, ADMIN},
    AdminAct.EMERGENCY_OF_ALL: {OWNER},
}
ON_PEOPLE = (AdminAct.END_SESSIONS, AdminAct.UNLOCK, AdminAct.DISABLE, AdminAct.GROUPS, AdminAct.NAMES)


@pytest.mark.parametrize("act", AdminAct)
def test_an_act_on_nobody_is_of_these_roles(act: AdminAct) -> None:
    assert {role for role in AdminRole if permits(role, act)} == ON_NOBODY[act]


@pytest.mark.parametrize(("act", "target"), [*itertools.product(ON_PEOPLE, [None, *AdminRole])])
def test_an_act_on_somebody_depends_on_their_role(act: AdminAct, target: AdminRole | None) -> None:
    may = {role for role in AdminRole if permits(role, act, ActTarget(target))}

    if target is None:
        assert may == ON_NOBODY[act]
    elif target is SUPPORT and act in (AdminAct.END_SESSIONS, AdminAct.UNLOCK):
        assert may == {OWNER, ADMIN}
    else:
        assert may == {OWNER}


@pytest.mark.parametrize(("act", "role"), [*itertools.product((*ON_PEOPLE, AdminAct.ROLES), AdminRole)])
def test_nobody_does_it_to_themselves(act: AdminAct, role: AdminRole) -> None:
    assert not permits(role, act, ActTarget(role, is_self=True))


@pytest.mark.parametrize("target", [None, *AdminRole])
def test_owners_alone_give_and_take_roles(target: AdminRole | None) -> None:
    assert {role for role in AdminRole if permits(role, AdminAct.ROLES, ActTarget(target))} == {OWNER}


@pytest.mark.parametrize(("role", "other"), [*itertools.product(AdminRole, AdminRole)])
def test_a_role_covers_another_where_it_may_all_that_the_other_may(role: AdminRole, other: AdminRole) -> None:
    targets = [None, *(ActTarget(one) for one in (None, *AdminRole))]
    may_all = all(permits(role, act, target) for act in AdminAct for target in targets if permits(other, act, target))

    assert covers(role, other) is may_all
    assert may_all is (role is other or role is OWNER or (role is ADMIN and other is not OWNER))


def test_a_refusal_names_who_may() -> None:
    assert who_may(AdminAct.ROLES) == "owner"
    assert who_may(AdminAct.GROUPS) == "owner or admin"
    assert who_may(AdminAct.UNLOCK) == "owner, admin or support"
