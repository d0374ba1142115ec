"""What the documentation says is so: commands, figures, links, files, examples, and the pages of the program."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from gateway.cli import bastion
from gateway.config.fields import all_keys
from gateway.config.reference import reference as configuration_page
from gateway.core.audit.reference import reference as events_page
from gateway.core.forward.request import ADDRESS_CHARS
from gateway.core.policy.schema import reference as policy_page
from gateway.figures import FIGURES, Counter, Gauge, Histogram
from gateway.web.forward_auth.connection import MAX_HEADER_BYTES, MAX_HEADERS, Patience
from gateway.web.forward_auth.exchanges import MAX_HELD, MAX_WAITING
from tests.web.listening import ANSWER_BYTES, BYTES_OF_AN_IDLE_CONNECTION
from tests.zygote import bastion as run

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")])
GENERATED = ("configuration.md", "data.md", "events.md", "policy-reference.md")
HAND_WRITTEN = [page for page in PAGES if page.name not in GENERATED]
THREATS = {"R": 14, "H": 7, "P": 10, "Y": 4, "K": 4, "D": 6, "L": 26, "O": 23}
ASVS = {"9.1": 3, "9.2": 4, "10.1": 2, "10.2": 3, "10.3": 5, "10.4": 16, "10.5": 5, "10.6": 2, "10.7": 3}
ASVS |= {"6.2": 12, "6.1": 3, "6.3": 8, "6.4": 6, "6.5": 8, "6.6": 4, "6.7": 2, "6.8": 4}
ASVS |= {"7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 3, "7.6": 2}
ASVS |= {"14.1": 2, "14.2": 8, "14.3": 3, "16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 4}
NIST = 17
EVIDENCE = 26
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def commands(group: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by the words that call it."""
    if not isinstance(group, click.Group):
        yield name, group
        return
    context = click.Context(group)
    for child in group.list_commands(context):
        command = group.get_command(context, child)
        assert command is not None
        yield from commands(command, f"{name} {child}")


COMMANDS = dict(commands(bastion, "bastion"))


def without_code(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Of its headings, as forges make them."""
    headings = re.findall(r"^#+ (.*)$", without_code(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_shown(name: str) -> None:
    assert any(re.search(rf"\b{name}(?![\w-])", page.read_text()) for page in HAND_WRITTEN)


@pytest.mark.parametrize("page", HAND_WRITTEN, ids=lambda page: page.name)
def test_every_command_that_is_shown_exists(page: Path) -> None:
    """And every option of it, as far as it stands on the line of the command."""
    for line in re.findall(r"(?<![\w/.-])bastion [a-z][^\n`#|)]*", page.read_text()):
        words = line.split()
        known = [name for name in COMMANDS if name.split() == words[: len(name.split())]]
        groups = {name.rsplit(" ", 1)[0] for name in COMMANDS}
        if not known:
            first = " ".join(words[:2])
            is_prose = words[1] not in bastion.list_commands(click.Context(bastion))
            assert is_prose or (first in groups and (len(words) == 2 or not words[2].isalpha())), line
            continue
        options = {option for parameter in COMMANDS[known[0]].params for option in parameter.opts}
        assert {word.split("=")[0].rstrip(",.:;]") for word in re.findall(r"(?<=[ \[])--[a-z-]+", line)} <= options, (
            line
        )


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_every_figure_is_explained_with_each_of_its_values(figure: object) -> None:
    assert not isinstance(figure, str)
    name = figure.name if isinstance(figure, Gauge | Histogram) else f"{figure.name}_total"  # type: ignore[attr-defined]  # all have one
    page = (ROOT / "docs" / "operations.md").read_text()

    rows = dict(re.findall(r"^\| `(bastion_\w+)` (\|.*)$", page, re.MULTILINE))
    explained = rows[name] + "".join(rows[other] for other in re.findall(r"as of `(bastion_\w+)`", rows[name]))

    for value in " ".join(getattr(figure, "values", ())).split():
        assert f"`{value}`" in explained


def test_no_figure_is_explained_that_is_not_there() -> None:
    named = set(re.findall(r"^\| `(bastion_\w+)` \|", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE))

    assert len(named) == len(FIGURES)


def test_the_limits_of_the_decision_listener_are_those_of_the_code() -> None:
    """Each of them is tried on both sides in tests/web and tests/core/forward."""
    page = (ROOT / "docs" / "http.md").read_text()
    table = page.partition("| limit | value | beyond it |\n")[2].partition("\n\n")[0].splitlines()[1:]
    patience = Patience()

    assert [(row.split(" | ")[0].removeprefix("| "), row.split(" | ")[1]) for row in table] == [
        ("bytes of a request, with its first line and its end", f"{MAX_HEADER_BYTES}"),
        ("headers of a request", f"{MAX_HEADERS}"),
        ("characters of `X-Forwarded-For`", f"{ADDRESS_CHARS}"),
        ("requests of one connection that wait for their answers", f"{MAX_WAITING}"),
        (
            "reads of one connection that wait in the queue of anonymous requests",
            f"{MAX_HELD}, or one of more than {MAX_HEADER_BYTES} bytes",
        ),
        ("bytes of answers that the proxy does not read", f"{ANSWER_BYTES}"),
        ("seconds from the first byte of a request to its last", f"{patience.partial_s:g}"),
        ("seconds without a request", f"{patience.idle_s:g}"),
        ("seconds between two checks of the clock", f"{patience.look_s:g}"),
        ("bytes of memory for an idle connection", f"{BYTES_OF_AN_IDLE_CONNECTION}"),
        ("open files of a worker", "`ulimit -n`"),
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in _LINK.findall(without_code(page)):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.is_file(), target
        assert not anchor or anchor in anchors(file), target


_IN_QUERIES = re.compile(r"\bbastion_[a-z_]+\b")


@pytest.mark.parametrize("name", ["alerts.yaml", "grafana.json"])
def test_monitoring_asks_for_metrics_that_there_are(name: str) -> None:
    """With labels that they have, and values that these have."""
    text = (ROOT / "docs" / "monitoring" / name).read_text()
    document = yaml.safe_load(text)
    queries = re.findall(r'"?expr"?: "?(.*)', text)
    known = {f"{one.name}_total" if isinstance(one, Counter) else one.name for one in FIGURES}
    values = {
        word for one in FIGURES if not isinstance(one, Histogram) for found in one.values for word in found.split()
    }

    assert document
    assert len(queries) >= 10
    asked = {found.removesuffix("_bucket") for query in queries for found in _IN_QUERIES.findall(query)}
    assert asked <= known
    said = re.findall(r'\b(?:outcome|state|store|job|kind)=~?\\?"([a-z_|]+)', "\n".join(queries))
    assert said
    assert {value for one in said for value in one.split("|")} - {"bastion"} <= values


def test_the_pages_of_the_program_are_as_it_prints_them() -> None:
    assert (ROOT / "docs" / "configuration.md").read_text() == configuration_page()
    assert (ROOT / "docs" / "policy-reference.md").read_text() == policy_page()
    assert (ROOT / "docs" / "events.md").read_text() == events_page()


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name == "docs"], ids=lambda page: page.name)
def test_the_readme_leads_to_every_page(page: Path) -> None:
    assert f"](docs/{page.name})" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", HAND_WRITTEN, ids=lambda page: page.name)
def test_every_variable_is_one(page: Path) -> None:
    of_builds = {"BASTION_COMPILE", "BASTION_COMMIT"}
    known = {key.environment for key in all_keys()} | {"BASTION_CONFIG", "BASTION_SECTION_KEY"} | of_builds

    named = {name.removesuffix("_FILE") for name in re.findall(r"\bBASTION_[A-Z_]*[A-Z]\b", page.read_text())}

    assert {name for name in named if not name.endswith("_BIN")} <= known


def test_each_threat_stands_once_and_its_files_are_there() -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text()

    assert re.findall(r"^\| ([RHPYKDLO]\d+) \|", text, re.MULTILINE) == [
        f"{letter}{number + 1}" for letter, count in THREATS.items() for number in range(count)
    ]
    of_evidence = [int(number) for number in re.findall(r"^\| E(\d+) \|", text, re.MULTILINE)]
    assert sorted(of_evidence) == list(range(1, EVIDENCE + 1))
    assert missing_files(text) == []


def test_each_row_of_conformance_stands_once_and_its_files_are_there() -> None:
    text = (ROOT / "docs" / "conformance.md").read_text()
    rows: dict[str, list[int]] = {}
    for ids in re.findall(r"^\| ([JD][^|]*) \|", text, re.MULTILINE):
        letter, (first, *more) = ids[0], [int(number) for number in re.findall(r"\d+", ids)]
        rows.setdefault(letter, []).extend(range(first, more[0] + 1) if " to " in ids else [first, *more])

    assert {letter: sorted(numbers) for letter, numbers in rows.items()} == {
        "J": list(range(1, 29)),
        "D": list(range(1, 31)),
    }
    for letter, count in (("F2-", 38), ("B-", 27)):
        listed = re.findall(rf"^\| ({letter}[^|]*) \|", text, re.MULTILINE)
        numbers = [int(number) for ids in listed for number in re.findall(rf"{letter}(\d+)", ids)]
        assert sorted(numbers) == list(range(1, count + 1))
    assert re.findall(r"^\| (N\d+) \|", text, re.MULTILINE) == [f"N{number + 1:02}" for number in range(NIST)]
    verified = [found for ids in re.findall(r"^\| (V[^|]*) \|", text, re.MULTILINE) for found in ids.split(", ")]
    assert verified == [f"V{chapter}.{number + 1}" for chapter, count in ASVS.items() for number in range(count)]
    assert missing_files(text) == []


def missing_files(text: str) -> list[str]:
    """Of those that a page names."""
    named = re.findall(r"`([a-z0-9_/]+\.(?:py|lua))`", text)
    return [name for name in named if not any((ROOT / folder / name).is_file() for folder in ("gateway", "tests"))]


@pytest.mark.parametrize(("page", "count"), [("policy.md", 8), ("oauth.md", 2)])
def test_the_examples_of_the_guide_are_a_policy_whose_tests_pass(page: str, count: int, tmp_path: Path) -> None:
    guide = (ROOT / "docs" / page).read_text()
    blocks = re.findall(r"^```yaml\n((?:# policies/|tests:).*?)^```$", guide, re.MULTILINE | re.DOTALL)
    for number, block in enumerate(blocks):
        (tmp_path / f"{number}.yaml").write_text(block)

    assert len(blocks) == count
    assert "0 failures" in policy("test", tmp_path, "https://auth.example.com")
    assert "0 warnings" in policy("check", tmp_path, "https://auth.example.com")


@pytest.mark.parametrize("page", ["README.md", "docs/install.md"])
def test_the_first_policy_is_one(page: str, tmp_path: Path) -> None:
    block = re.search(
        r"^```yaml\n(# \S*policies/app\.yaml.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL
    )
    assert block
    (tmp_path / "app.yaml").write_text(block[1])

    assert "0 failures" in policy("test", tmp_path, "https://auth.example.com")
    assert "0 warnings" in policy("check", tmp_path, "https://auth.example.com")


def policy(command: str, directory: Path, auth_url: str) -> str:
    options = ["--directory", str(directory), "--auth-url", auth_url]
    done = run("policy", command, *options, cwd=ROOT)
    return done.stdout + done.stderr


def test_the_image_has_an_account_of_its_own_and_no_secret() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    final = lines[max(number for number, line in enumerate(lines) if line.startswith("FROM")) :]

    assert "USER bastion" in final
    assert not [
        line for line in lines if re.match(r"(ENV|ARG|COPY|ADD) .*(secret|passw|_key|\.env)", line, re.IGNORECASE)
    ]
    assert not [line for line in lines if re.match(r"COPY \.( |$)|ADD ", line)]


def test_the_composition_names_settings_and_secrets_that_exist() -> None:
    composed = yaml.safe_load((ROOT / "compose.yaml").read_text())
    services, known = composed["services"], {key.environment for key in all_keys()}
    own = services["bastion"]

    assert {name.removesuffix("_FILE") for name in own["environment"]} <= known
    files = {value for name, value in own["environment"].items() if name.endswith("_FILE")}
    assert files == {f"/run/secrets/{name}" for name in own["secrets"]}
    assert set(own["secrets"]) <= composed["secrets"].keys()
    for name, service in services.items():
        assert name == "caddy" or "ports" not in service


def test_the_image_is_of_a_python_that_we_support() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    versions = re.findall(r"^FROM python:3\.(\d+)-slim", (ROOT / "Dockerfile").read_text(), re.MULTILINE)

    assert versions
    assert len(set(versions)) == 1
    assert int(versions[0]) >= int(wanted.removeprefix(">=3."))
