"""Documents of a stage, as an operator publishes them and a person answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from tests.staging import Seen, Stage, Visitor
from tests.zygote import bastion as run

TEXT = "Be kind.\n\nDo not <b>shout</b>."


def bastion(stage: Stage, *arguments: str) -> str:
    done = run(*arguments, "--config", stage.demo.directory / "config.yaml", env=stage.demo.environment)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


@contextmanager
def published(stage: Stage, directory: Path) -> Iterator[str]:
    """The version of terms that are required from now on; retired again at the end."""
    file, version = directory / "terms.txt", f"v-{uuid4().hex[:8]}"
    file.write_text(TEXT)
    bastion(stage, "consent", "publish", "terms", "--version", version, "--language", f"en={file}",
            "--required-from", "now")  # fmt: skip
    try:
        yield version
    finally:
        bastion(stage, "consent", "retire", "terms", version)


def answer(visitor: Visitor, page: Seen, what: str) -> Seen:
    fields = {name: page.field(name) for name in ("csrf", "j", "i", "kind", "version", "language")}
    return visitor.submit(page, "/documents", answer=what, **fields)
