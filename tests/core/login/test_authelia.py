"""Authelia's file of people, and what is told of one that has another shape."""

import pytest

from gateway.core.errors import GatewayError
from gateway.core.login.authelia import AutheliaPerson, NotAuthelia, read_authelia

FILE = """\
---
users:
  john:
    disabled: false
    displayname: 'John Doe'
    password: '$argon2id$v=19$m=65536,t=3,p=2$BpLnfgDsc2WD8F2q$o/vzA4myCqZZ36bUGsDY//8mKUYNZZaR0t4MFFSs+iM'
    email: 'john.doe@authelia.com'
    groups:
      - 'admins'
      - 'dev'
    given_name: John
    address:
      country: no
  bare: {password: $2b$12$x}
  gone: {disabled: true, displayname: 7, email: , groups: }
...
"""


def test_people_are_read_and_other_keys_left_out() -> None:
    john, bare, gone = read_authelia(FILE, "users.yml")

    assert (john.username, john.name, john.email) == ("john", "John Doe", "john.doe@authelia.com")
    assert (john.groups, john.disabled) == (("admins", "dev"), False)
    assert john.password.startswith("$argon2id$")
    assert bare == AutheliaPerson("bare", "", "", (), "$2b$12$x", disabled=False)
    assert gone == AutheliaPerson("gone", "7", "", (), "", disabled=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "u.yml:1:1: expected `users:`"),
        ("people: {}", "u.yml:1:1: expected `users:`"),
        ("users: [john]", "u.yml:1:1: expected `users:`"),
        ("users:\n  john: secret", "u.yml:2:9: expected a map"),
        ("users:\n  john: {disabled: yes}", "u.yml:2:10: disabled is 'yes'; expected true or false"),
        ("users:\n  john: {groups: dev}", "u.yml:2:18: groups is no list"),
        ("users:\n  john: {groups: [{a: b}]}", "u.yml:2:19: a group is no text"),
        ("users:\n  john: {password: [x]}", "u.yml:2:20: password is no text"),
    ],
)
def test_another_shape_is_told_with_its_place(text: str, said: str) -> None:
    with pytest.raises(NotAuthelia) as refused:
        read_authelia(text, "u.yml")

    assert str(refused.value).startswith(said)


def test_a_name_that_stands_twice_is_refused() -> None:
    with pytest.raises(GatewayError, match="again"):
        read_authelia("users: {john: {}, john: {}}", "u.yml")
