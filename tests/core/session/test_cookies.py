"""Our cookies are read byte for byte: what a sibling host could plant is no cookie (threats.md H1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.session.cookies import expire_cookie, expire_foreign, foreign_names, read_cookies, set_cookie

NAME = "__Host-bastion"
READ = {
    "alone": b"__Host-bastion=x",
    "among others": b"a=1; __Host-bastion=x; b=2",
    "without a space": b"a=1;__Host-bastion=x;b=2",
    "with tabs": b"a=1;\t__Host-bastion=x\t;b=2",
    "with an empty pair": b";; __Host-bastion=x;",
    "beside one whose name begins alike": b"__Host-bastion-way=y; __Host-bastion=x",
    "after a quoted value": b'a="q;"; __Host-bastion=x',
    "beside another case": b"__host-bastion=y; __Host-bastion=x",
}
NOT_READ = {
    "U+2000 before": "\u2000__Host-bastion=evil".encode(),
    "U+00A0 before": "\u00a0__Host-bastion=evil".encode(),
    "U+0085 before": "\u0085__Host-bastion=evil".encode(),
    "latin-1 NBSP before": b"\xa0__Host-bastion=evil",
    "vertical tab before": b"\x0b__Host-bastion=evil",
    "form feed before": b"\x0c__Host-bastion=evil",
    "NUL before": b"\0__Host-bastion=evil",
    "another case": b"__host-bastion=evil",
    "capitals": b"__HOST-BASTION=evil",
    "a space before =": b"__Host-bastion =evil",
    "a tab before =": b"__Host-bastion\t=evil",
    "a space after =": b"__Host-bastion= evil",
    "quoted": b'__Host-bastion="evil"',
    "an octal escape": b'__Host-bastion="\\145vil"',
    "a dollar name": b"$__Host-bastion=evil",
    "percent-encoded name": b"__Host%2Dbastion=evil",
    "no value": b"__Host-bastion=",
    "no =": b"__Host-bastion",
    "= in the value": b"__Host-bastion=ev=il",
    "a comma": b"a=1, __Host-bastion=evil",
    "a space in the value": b"__Host-bastion=ev il",
    "a control byte in the value": b"__Host-bastion=ev\x01il",
    "UTF-8 in the value": "__Host-bastion=évil".encode(),
    "257 characters": b"__Host-bastion=" + b"x" * 257,
    "twice": b"__Host-bastion=evil; __Host-bastion=evil",
    "twice, one bad": b"__Host-bastion=x; __Host-bastion=",
    "twice, the bad one first": b'__Host-bastion="e"; __Host-bastion=x',
    "a suffix": b"__Host-bastion2=evil",
    "a prefix": b"x__Host-bastion=evil",
    "a nameless cookie": b"=__Host-bastion=evil",
    "$Version": b'$Version=1; "__Host-bastion"=evil',
    "an ideographic space before": "\u3000__Host-bastion=evil".encode(),
    "a zero-width space before": "\u200b__Host-bastion=evil".encode(),
    "a byte order mark before": "\ufeff__Host-bastion=evil".encode(),
    "a long s": "__Ho\u017ft-bastion=evil".encode(),
    "fullwidth =": "__Host-bastion\uff1devil".encode(),
    "a fold before": b"a=1;\r\n __Host-bastion=evil",
    "NUL in the name": b"__Host\0-bastion=evil",
    "NUL after the name": b"__Host-bastion\0=evil",
    "a minus that is none": "__Host\u2010bastion=evil".encode(),
}


@pytest.mark.parametrize("line", READ.values(), ids=READ)
def test_what_a_browser_writes_is_read(line: bytes) -> None:
    assert read_cookies([line])[NAME] == "x"


@pytest.mark.parametrize("line", NOT_READ.values(), ids=NOT_READ)
def test_what_only_looks_like_it_is_not_read(line: bytes) -> None:
    assert NAME not in read_cookies([line])


def test_several_lines_are_one_list() -> None:
    assert read_cookies([b"a=1", b"__Host-bastion=x"]) == {NAME: "x"}
    assert read_cookies([b"__Host-bastion=x", b"__Host-bastion=x"]) == {}


@pytest.mark.parametrize(
    ("line", "doubled"),
    [
        (b"__Host-bastion=x", ()),
        (b"__Host-bastion=x; __Host-bastion-way=y; a=1; a=1", ()),
        (b"__Host-bastion=; b=1", ()),
        (b"__Host-bastion=x; __Host-bastion=x", ("__Host-bastion",)),
        (b'__Host-bastion="e"; __Host-bastion=x; __Host-bastion=y', ("__Host-bastion",)),
        (b"__Host-bastion-way=x; __Host-bastion-way=; __Host-bastion=z", ("__Host-bastion-way",)),
        (b"__Host-bastion-of-mine=x; __Host-bastion-of-mine=x", ()),
    ],
)
def test_a_name_that_came_twice_is_told(line: bytes, doubled: tuple[str, ...]) -> None:
    read = read_cookies([line])

    assert read.doubled == doubled
    assert not set(doubled) & set(read)


def test_256_characters_are_read() -> None:
    assert read_cookies([b"__Host-bastion=" + b"x" * 256]) == {NAME: "x" * 256}


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_any_bytes_are_read_without_an_error(lines: list[bytes]) -> None:
    for name, value in read_cookies([*lines, b"__Host-bastion=x"]).items():
        assert name.startswith("__Host-bastion")
        assert value.isascii()


@given(st.from_regex(r"\A[A-Za-z0-9._~-]{1,256}\Z"))
def test_what_is_set_is_read_back(value: str) -> None:
    pair = set_cookie(NAME, value).partition(";")[0]

    assert read_cookies([pair.encode()]) == {NAME: value}


def test_cookies_are_set_as_host_cookies() -> None:
    assert set_cookie(NAME, "x") == "__Host-bastion=x; Path=/; Secure; HttpOnly; SameSite=Lax"
    assert set_cookie(NAME, "x", 60).endswith("; Max-Age=60")
    assert expire_cookie(NAME) == "__Host-bastion=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"


def test_names_of_the_app_are_found_and_ours_are_not() -> None:
    lines = [b"PHPSESSID=1; __Host-bastion=x; a b=2; c=3; c=4", b"\xff=5; d=6; basket[1]=7"]

    assert foreign_names(lines) == ["PHPSESSID", "c", "d", "basket[1]"]


def test_as_many_names_are_found_as_a_browser_keeps() -> None:
    lines = [b"; ".join(b"c%d=1" % number for number in range(181))]

    assert foreign_names(lines) == [f"c{number}" for number in range(180)]


@pytest.mark.parametrize(
    ("name", "path", "domain", "line"),
    [
        ("sid", "/", "", "sid=; Path=/; Secure; HttpOnly; Max-Age=0"),
        ("sid", "/shop", "example.org", "sid=; Path=/shop; Domain=example.org; Secure; HttpOnly; Max-Age=0"),
        ("__Secure-sid", "/", "example.org", "__Secure-sid=; Path=/; Domain=example.org; Secure; HttpOnly; Max-Age=0"),
        ("__Host-sid", "/", "", "__Host-sid=; Path=/; Secure; HttpOnly; Max-Age=0"),
        ("__host-sid", "/", "example.org", None),
        ("__Host-sid", "/shop", "", None),
    ],
)
def test_an_apps_cookie_is_expired_as_its_prefix_demands(name: str, path: str, domain: str, line: str | None) -> None:
    assert expire_foreign(name, path, domain) == line


@pytest.mark.parametrize(("size", "once"), [(1024, True), (1025, False)])
def test_a_line_is_read_once_unless_it_is_long(size: int, once: bool) -> None:
    """Whoever sends long ones fills no memory."""
    line = b"__Host-bastion=x; app=".ljust(size, b"a")

    first, again = read_cookies([bytes(line)]), read_cookies([bytes(bytearray(line))])

    assert (first is again) is once
    assert first == again == {"__Host-bastion": "x"}
