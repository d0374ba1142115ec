"""What holds for the tree as a whole."""

import ast
import re
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOCKS = tuple(ROOT / f"requirements{which}.lock" for which in ("", "-dev", "-compile"))
OURS = [path for folder in ("gateway", "tests", "bench") for path in sorted((ROOT / folder).rglob("*.py"))]


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_the_lock_has_hashes_and_names_no_index(lock: Path) -> None:
    text = lock.read_text()

    assert "://" not in text
    assert "index" not in text
    entries = re.findall(r"^[a-z0-9].*?(?=^[a-z0-9]|\Z)", text, re.MULTILINE | re.DOTALL)
    assert entries
    assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)


def test_every_dependency_is_locked_and_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    explained = (ROOT / "docs" / "dependencies.md").read_text()
    locked = (ROOT / "requirements-dev.lock").read_text()

    for requirement in [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]:
        name = re.split(r"[\[<>=]", requirement)[0]
        if name != "bastion-gateway":
            assert name in explained
            assert re.search(rf"^{re.escape(name)}==", locked, re.MULTILINE)


def test_no_file_has_the_marks_of_a_merge() -> None:
    marks = (b"<" * 7 + b" ", b">" * 7 + b" ")

    assert [path for path in tracked() if path.read_bytes().startswith(marks)] == []
    assert [path for path in tracked() if any(b"\n" + mark in path.read_bytes() for mark in marks)] == []


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_owns_in_at_most_400_lines(path: Path) -> None:
    text = path.read_text()

    assert text.count("\n") <= 400
    assert not text.strip() or ast.get_docstring(ast.parse(text))


# One name, one meaning. This list may only shrink.
TYPES_DEFINED_TWICE = {
    "Account", "Asked", "Denied", "Fields", "Finding", "Key", "Keys", "Kind", "Level", "Link", "Loaded", "Login",
    "Network", "Page", "Person", "Place", "Placed", "Progress", "Route", "Server", "Start", "State",
    "Strangers", "Users", "Visit",
}  # fmt: skip


def public_types(text: str) -> Iterator[str]:
    """Classes, and names of a module that stand for a type."""
    for node in ast.parse(text).body:
        match node:
            case ast.ClassDef(name):
                yield name
            case ast.AnnAssign(ast.Name(name), annotation) if "TypeAlias" in ast.unparse(annotation):
                yield name
            case ast.Assign([ast.Name(name)]) if name[0].isupper() and not name.isupper():
                yield name
            case _:
                pass


def test_no_name_of_a_type_has_a_second_meaning() -> None:
    names = [{*public_types(path.read_text())} for path in (ROOT / "gateway").rglob("*.py")]
    counts = Counter(name for one in names for name in one if name[0] != "_")

    assert {name for name, count in counts.items() if count > 1} == TYPES_DEFINED_TWICE


@pytest.mark.parametrize(
    ("text", "types"),
    [
        ("class A:\n    class B: ...", ["A"]),
        ("A: TypeAlias = int", ["A"]),
        ("Ab = int | str", ["Ab"]),
        ("A: Final = 1\nB = 2\nCD = 3\na = 4\n_A = 5", []),
    ],
)
def test_what_names_a_type_is_noticed(text: str, types: list[str]) -> None:
    assert [name for name in public_types(text) if name[0] != "_"] == types


def other_cookie_readers(text: str, *, pure: bool) -> list[str]:
    """Where aiohttp's or Python's own reader or writer of cookies is used. pure: of core, whose requests are ours."""
    found = []
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Attribute(attr="cookies" | "set_cookie" | "del_cookie") if not pure:
                found.append(f"{node.lineno}: .{node.attr}")
            case ast.Import(names):
                found += [f"{node.lineno}: {name.name}" for name in names if _COOKIE_MODULES.match(name.name)]
            case ast.ImportFrom(module, names) if module:
                full = [f"{module}.{name.name}" for name in names]
                found += [f"{node.lineno}: {name}" for name in full if _COOKIE_MODULES.match(name)]
            case _:
                pass
    return found


_COOKIE_MODULES = re.compile(r"http\.cookie|aiohttp\.(cookiejar|_cookie|(Dummy)?CookieJar|abc\.AbstractCookieJar)")


@pytest.mark.parametrize(
    "text",
    [
        "request.cookies.get('x')",
        "found = request.cookies",
        "response.set_cookie('a', 'b')",
        "response.del_cookie('a')",
        "import http.cookies",
        "import http.cookies as jar",
        "from http.cookies import SimpleCookie",
        "from http import cookies",
        "from http import cookiejar",
        "from aiohttp import CookieJar",
        "from aiohttp.cookiejar import CookieJar",
        "from aiohttp._cookie_helpers import parse_cookie_header",
    ],
)
def test_another_reader_of_cookies_is_noticed(text: str) -> None:
    assert other_cookie_readers(text, pure=False)


def test_our_own_reader_is_none_of_them() -> None:
    text = "from gateway.core.session.cookies import read_cookies, set_cookie\nset_cookie('a', cookies(request)['b'])"

    assert not other_cookie_readers(text, pure=False)
    assert not other_cookie_readers("request.cookies", pure=True)
    assert other_cookie_readers("import http.cookies", pure=True)


@pytest.mark.parametrize("path", sorted((ROOT / "gateway").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_cookies_are_read_by_our_own_reader_alone(path: Path) -> None:
    """Others strip and unquote, and so take for ours what a sibling host has planted (threats.md H1).

    In core, which knows no aiohttp, `cookies` are those that our reader has read.
    """
    assert not other_cookie_readers(path.read_text(), pure=(ROOT / "gateway" / "core") in path.parents)


def test_the_starter_is_readable_to_an_older_python() -> None:
    """It has to say that 3.11 is needed, instead of failing to parse."""
    ast.parse((ROOT / "dev.py").read_text(), feature_version=(3, 7))


def test_no_file_names_a_machine() -> None:
    """Paths of somebody's home or checkout do not belong into the tree."""
    own = str(ROOT)
    for path in tracked():
        if path.suffix not in (".png", ".lock"):
            text = path.read_text(encoding="utf-8", errors="replace")
            assert own not in text, path
