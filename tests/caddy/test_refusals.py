"""What Caddy itself refuses is told in words, at the line of the Caddyfile, and the way out is one."""

from pathlib import Path
from typing import Final

import pytest

from gateway.core.caddy.refusals import refusal
from gateway.core.caddy.snippet import Snippet, snippet_text
from gateway.embedded import Binaries, NotACaddyfile
from gateway.flows.policy.caddy_lint import read_caddyfile, read_piped
from tests.caddy.caddyfiles import APP, AUTH, HOST, WRAPPED, linted, site, written

GOOD: Final = "{\n\tadmin off\n\tservers {\n\t\t0rtt off\n\t}\n}\n"
TWO: Final = f"{HOST} {{\n\timport bastion {{\n\t\t{APP}\n\t}}\n}}\n"
# The sites, which begin on line 14; what is said of them, from the line on; and the sites as they should be.
REFUSED: Final = {
    "snippet": (
        WRAPPED.replace("import bastion", "import bastoin"),
        "15: Caddy does not know bastoin; did you mean bastion?",
        WRAPPED,
    ),
    "case of a snippet": (
        WRAPPED.replace("import bastion", "import Bastion"),
        "15: Caddy does not know Bastion; did you mean bastion?",
        WRAPPED,
    ),
    "directive beside the wrapper": (
        site("revese_proxy 127.0.0.1:1"),
        "15: Caddy does not know revese_proxy; did you mean reverse_proxy?",
        site("reverse_proxy 127.0.0.1:1"),
    ),
    "directive in the wrapper": (
        WRAPPED.replace("reverse_proxy", "reverse_prxy"),
        "19: Caddy does not know reverse_prxy; did you mean reverse_proxy?",
        WRAPPED,
    ),
    "case of a directive": (
        WRAPPED.replace("reverse_proxy", "Reverse_Proxy"),
        "19: Caddy does not know Reverse_Proxy; did you mean reverse_proxy?",
        WRAPPED,
    ),
    "directive in a directive": (
        WRAPPED.replace("stream_timeout", "stream_timout"),
        "20: Caddy does not know stream_timout; did you mean stream_timeout?",
        WRAPPED,
    ),
    "word of two": (WRAPPED.replace("15m", "15 minutes"), "20: Caddy does not know minutes", WRAPPED),
    "word of another server": (
        f"{HOST} {{\n\tlisten 80;\n}}\n",
        "15: a Caddyfile has no ; at the end of a line; drop it",
        WRAPPED,
    ),
    "semicolon": (
        WRAPPED.replace("1MB", "1MB;"),
        "17: a Caddyfile has no ; at the end of a line; drop it",
        WRAPPED,
    ),
    "site on one line": (
        f"{WRAPPED}:8443 {{ respond 421 }}\n",
        "24: a block on one line; write its content on lines of its own",
        f"{WRAPPED}:8443 {{\n\trespond 421\n}}\n",
    ),
    "wrapper on one line": (
        f"{HOST} {{ import bastion {{ {APP} }} }}\n",
        "14: a block on one line; write its content",
        WRAPPED,
    ),
    "brace too many": (f"{WRAPPED}}}\n", "24: a } without its {; drop it", WRAPPED),
    "no space behind a site": (
        WRAPPED.replace(f"{HOST} {{", f"{HOST}{{"),
        f"14: a space is missing before the brace; write `{HOST} {{`",
        WRAPPED,
    ),
    "no space behind the snippet": (
        WRAPPED.replace("bastion {", "bastion{"),
        "15: a space is missing before the brace; write `import bastion {`",
        WRAPPED,
    ),
    "site twice": (
        f"{WRAPPED}{TWO}",
        f"24: a second site for {HOST}, first at DIR/Caddyfile:14; merge the two",
        WRAPPED,
    ),
    "options last": (
        f"{WRAPPED}{{\n\tgrace_period 1s\n}}\n",
        "24: the block of global options stands behind something else; move it to the top of the Caddyfile",
        WRAPPED,
    ),
    "file that is not there": (
        f"import nothere.caddy\n{WRAPPED}",
        "14: there is no snippet and no file nothere.caddy",
        WRAPPED,
    ),
    "snippet twice": (
        f"import bastion.caddy\n{WRAPPED}",
        "14: the snippet bastion is there twice, first at DIR/Caddyfile:7; drop one of them",
        WRAPPED,
    ),
    "matcher": (
        site("respond @api text"),
        "15: no matcher @api is defined in this site; write a line such as `@api path /api/*` into it",
        site("@api path /api/*\n\trespond @api text"),
    ),
    "port of the other scheme": (
        WRAPPED.replace(f"{HOST} ", f"http://{HOST}:443 "),
        f"14: http://{HOST}:443: https is on port 443 and http on 80; write the host alone",
        WRAPPED,
    ),
    "size": (WRAPPED.replace("1MB", "lots"), "17: caddy adapt refuses it: parsing max_size: ", WRAPPED),
    "number of words": (f"{HOST} {{\n\timport\n}}\n", "15: caddy adapt refuses it: wrong argument count", WRAPPED),
}


def told(file: Path, binaries: Binaries) -> str:
    with pytest.raises(NotACaddyfile) as refused:
        read_caddyfile(file, binaries)
    return str(refused.value)


@pytest.mark.parametrize(("sites", "said", "instead"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_is_told_at_its_line_and_its_way_out_is_one(
    tmp_path: Path, binaries: Binaries, sites: str, said: str, instead: str
) -> None:
    found = told(written(tmp_path, sites), binaries)

    assert found.startswith(f"{tmp_path}/Caddyfile:{said.replace('DIR', str(tmp_path))}"), found
    assert "{" not in found.replace("`", "").partition(": ")[2][:1], "no JSON"
    read_caddyfile(written(tmp_path, instead), binaries)


def test_an_option_is_told_at_its_line(tmp_path: Path, binaries: Binaries) -> None:
    file = written(tmp_path, WRAPPED, start="{\n\tadmn off\n}\n")

    assert told(file, binaries) == f"{file}:2: Caddy does not know admn; did you mean admin?"


def test_the_snippet_itself_is_told_where_its_file_is_not_imported(tmp_path: Path, binaries: Binaries) -> None:
    file = tmp_path / "Caddyfile"
    file.write_text(f"{GOOD}{AUTH}{WRAPPED}")

    assert told(file, binaries) == (
        f"{file}:8: no snippet bastion_auth is imported above; write `import bastion.caddy` at the top, a file that "
        "`bastion caddy snippet` prints"
    )
    assert linted(written(tmp_path, WRAPPED), binaries) == ()


def test_a_piped_text_is_told_by_its_lines_and_a_file_by_the_name_that_was_given(
    tmp_path: Path, binaries: Binaries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = written(tmp_path, WRAPPED.replace("1MB", "lots")).read_text()

    assert told(Path("Caddyfile"), binaries).startswith("Caddyfile:17: caddy adapt refuses it: parsing max_size")
    with pytest.raises(NotACaddyfile, match=r"^<stdin>:17: caddy adapt refuses it: parsing max_size"):
        read_piped(text, binaries)


@pytest.mark.parametrize("said", ["", "not today", "{", '{"level":"error"}', '{"msg":"x"}\nunknown'])
def test_whatever_caddy_says_ends_in_words(said: str) -> None:
    assert refusal(said, {"f": snippet_text(Snippet())}, "f").startswith("f: caddy adapt refuses it: ")
