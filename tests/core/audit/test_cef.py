"""Whatever an entry holds, its event in CEF is one line that a collector takes apart into the same fields."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.audit.cef import cef
from gateway.core.audit.chain import GENESIS, Link, Stored, link

WORDS = st.text(st.characters(codec="utf-8") | st.sampled_from("|\\=\n\r\t\x1b\u2028\x85 "))
PRINTABLE = st.text(st.sampled_from("ab|\\= \n\r\u00e9"), min_size=1).filter(lambda text: text == text.strip(" "))
KEY = re.compile(r"(?:^| )([A-Za-z0-9]+)=")


def link_of(entry: Stored) -> Link:
    return link(GENESIS, 1, entry)


def parsed(line: str) -> tuple[list[str], dict[str, str]]:
    """As a collector reads it: seven fields between unescaped pipes, then keys and values."""
    *header, extension = re.split(r"(?<!\\)(?:\\\\)*\|", line, maxsplit=7)
    marks = [mark for mark in KEY.finditer(extension) if extension[mark.end() - 2] != "\\"]
    ends = [mark.start() for mark in marks[1:]] + [len(extension)]
    raw = {mark[1]: extension[mark.end() : end] for mark, end in zip(marks, ends, strict=True)}
    return header, {key: unescaped(value) for key, value in raw.items()}


def unescaped(value: str) -> str:
    words = {"\\\\": "\\", "\\=": "=", "\\n": "\n", "\\r": "\r"}
    return re.sub(r"\\.", lambda found: words[found[0]], value)


def test_an_event_has_the_fields_of_the_format() -> None:
    entry = Stored(7, "login_failed", 1_790_000_000, "cli:root", None, '{"a":"b=c|d"}', b"sealed", "r-1")
    made = link_of(entry)

    line = cef(made, {"address": "203.0.113.7", "user_agent": "curl"})

    assert line == (
        "CEF:0|Bastion|Bastion|1|login_failed|login failed|3|rt=1790000000000 externalId=1 suid=cli:root"
        " src=203.0.113.7 requestClientApplication=curl"
        f" cs1Label=hash cs1={made.hash.hex()} cs2Label=requestId cs2=r-1"
        ' cs3Label=detail cs3={"a":"b\\=c|d"}'
        ' cs4Label=personal cs4={"address":"203.0.113.7","user_agent":"curl"}'
    )


@given(PRINTABLE, PRINTABLE, PRINTABLE)
def test_values_read_back(actor: str, request_id: str, agent: str) -> None:
    made = link_of(Stored(7, "login", 5, actor, None, '{"a":"\\\\"}', b"", request_id))

    header, fields = parsed(cef(made, {"user_agent": agent}))

    assert header == ["CEF:0", "Bastion", "Bastion", "1", "login", "login", "1"]
    assert (fields["suid"], fields["cs2"], fields["cs3"]) == (actor, request_id, '{"a":"\\\\"}')
    assert fields["requestClientApplication"] == agent
    assert json.loads(fields["cs4"]) == {"user_agent": agent}


@given(WORDS, WORDS, WORDS, WORDS)
def test_no_word_ends_the_line_or_speaks_to_a_terminal(kind: str, actor: str, request_id: str, agent: str) -> None:
    line = cef(link_of(Stored(7, kind, 5, actor, None, "{}", b"", request_id)), {"user_agent": agent})

    assert line.isprintable()
    assert line.startswith("CEF:0|Bastion|Bastion|1|")
    assert re.split(r"(?<!\\)\|", line.replace("\\\\", ""), maxsplit=7)[6].isdigit()
