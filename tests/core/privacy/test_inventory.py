"""The map of data names all that the sources write to the log, each once, and docs/data.md is made of it."""

import ast
import re
from collections import Counter
from pathlib import Path
from uuid import UUID

from gateway.core.privacy.inventory import FILES, LOG_PSEUDONYMOUS, LOG_TECHNICAL, REDIS, Nature
from gateway.core.privacy.inventory_reference import reference
from gateway.core.privacy.inventory_tables import TABLES
from gateway.core.session.tokens import tag_of
from gateway.stores.redis.wire import code_key, person_key, proof_key, record_key

ROOT = Path(__file__).parents[3]
_LEVELS = ("debug", "info", "warning", "error", "exception", "critical")


def logged_fields() -> set[str]:
    """Of every line that the sources log."""
    calls = (
        node
        for path in (ROOT / "gateway").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LEVELS
    )
    return {keyword.arg for call in calls for keyword in call.keywords if keyword.arg}


def test_every_field_of_the_log_is_on_the_map() -> None:
    assert logged_fields() - LOG_PSEUDONYMOUS - LOG_TECHNICAL == set()
    assert not LOG_PSEUDONYMOUS & LOG_TECHNICAL


def test_every_place_stands_once_and_says_how_long_it_is_kept() -> None:
    items = [item for table in TABLES for item in table.items()] + [one.item for one in (*REDIS, *FILES)]

    assert [place for place, count in Counter(item.place for item in items).items() if count > 1] == []
    assert all(item.kept for item in items)


def test_what_is_personal_says_what_erases_it() -> None:
    unsaid = [item.place for table in TABLES for item in table.items()
              if item.nature is Nature.PERSONAL and not item.erased]  # fmt: skip

    assert unsaid == []


def test_every_kind_of_redis_key_is_on_the_map_once() -> None:
    tag = tag_of(b"k" * 32, UUID(int=1))
    keys = [person_key(tag), code_key(tag, "h"), proof_key("slot", "j")]
    keys += [record_key(kind, tag, "r") for kind in ("login", "grant", "key")]

    for key in keys:
        assert len([one for one in REDIS if re.fullmatch(one.pattern, key)]) == 1, key


def test_the_page_is_what_the_map_says() -> None:
    assert (ROOT / "docs" / "data.md").read_text() == reference()
