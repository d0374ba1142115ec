"""`bastion consent`: terms, notices and consents that people answer before an app opens."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import click

from gateway.cli._acting import acting, operator
from gateway.cli._options import with_config
from gateway.cli._times import utc, when
from gateway.config import Config
from gateway.config.values import parse_duration
from gateway.core.privacy.documents import BadDocument, DocumentKind, PublishedDocument, current
from gateway.flows.documents import DocumentAdmin
from gateway.resources import clock

T = TypeVar("T")
_KIND: Final = click.argument("kind", type=click.Choice([kind.value for kind in DocumentKind]))
_VERSION: Final = click.argument("version")


@click.group()
def consent() -> None:
    """Publish terms, notices and consents, and see what people answered.

    A published text never changes: publish a new version instead. A required one is asked before the next app opens;
    sessions that are open go on.
    """


@consent.command()
@_KIND
@click.option("--version", required=True, help="Letters, digits, dot, dash and underscore; at most 40.")
@click.option("--language", "languages", multiple=True, required=True, metavar="LANG=FILE", help="Repeat it for more.")
@click.option(
    "--required-from", default="", metavar="WHEN", help="From then on no app opens without it: now, 14d or a time."
)
@click.option("--again-after", default="", metavar="DURATION", help="How long an acceptance counts, such as 180d.")
@with_config
def publish(
    config: Config, *, kind: str, version: str, languages: tuple[str, ...], required_from: str, again_after: str
) -> None:
    """Publish a version of KIND: terms, notice or consent.

    \b
    bastion consent publish terms --version 2026-12 --language de=agb.txt --language en=terms.txt --required-from 14d
    """  # noqa: D301 - click wants the backspace
    texts = dict(map(_text, languages))
    required = when(required_from, clock(), "--required-from") if required_from else None
    again = _duration(again_after) if again_after else None
    made = _act(config, lambda admin: admin.publish(DocumentKind(kind), version, texts, required, again))
    click.echo(f"{kind} {version} is published in {', '.join(sorted(made.texts))}.")
    if made.required_from is not None:
        click.echo(f"From {utc(made.required_from)} on nobody opens another app without accepting it.")


@consent.command()
@with_config
def status(config: Config) -> None:
    """List all versions, the oldest first, and how many people answered what."""
    documents, counts = _act(config, lambda admin: admin.status())
    in_force = current(documents)
    for one in documents:
        notes = ["in force"] if one in in_force else ["retired"] if one.retired else ["replaced"]
        notes += [f"required from {utc(one.required_from)}"] if one.required_from is not None else []
        click.echo(f"{one.kind.value:<8} {one.version:<20} {','.join(sorted(one.texts)):<12} {', '.join(notes)}")
        for count in counts:
            if (count.kind, count.version) == (one.kind, one.version):
                click.echo(f"{'':<8} {count.people} {count.action.value.replace('_', ' ')}")


@consent.command()
@_KIND
@_VERSION
@click.option("--language", default="", help="Default: the first.")
@with_config
def show(config: Config, *, kind: str, version: str, language: str) -> None:
    """Print the text that people were shown."""
    found = _found(_act(config, lambda admin: admin.status())[0], kind, version)
    if language and language not in found.texts:
        raise BadDocument(f"{kind} {version} is there in {', '.join(sorted(found.texts))} only")
    shown = language or min(found.texts)
    click.echo(found.texts[shown], nl=False)
    click.echo(f"sha256 {found.digests[shown].hex()}", err=True)


@consent.command()
@_KIND
@_VERSION
@with_config
def retire(config: Config, *, kind: str, version: str) -> None:
    """Ask nobody for KIND any more, until you publish a new version.

    VERSION is the one in force. Versions before it do not count again: nobody is asked for them. The answers stay.
    """
    changed = _act(config, lambda admin: admin.retire(DocumentKind(kind), version))
    if changed:
        click.echo(f"{kind} {version} is retired. Nobody is asked for {kind} until you publish a new version.")
    else:
        click.echo(f"{kind} {version} was retired before.")


def _text(option: str) -> tuple[str, str]:
    language, equals, file = option.partition("=")
    if not equals:
        raise click.UsageError(f"--language {option!r}: write LANG=FILE, such as en=terms.txt")
    try:
        return language, Path(file).read_text("utf-8")
    except OSError as error:
        raise click.UsageError(f"--language {option}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise click.UsageError(f"--language {option}: byte {error.start} is not UTF-8") from None


def _duration(text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError:
        raise click.UsageError(f"--again-after {text!r}: write a duration such as 180d") from None


def _found(documents: Sequence[PublishedDocument], kind: str, version: str) -> PublishedDocument:
    for one in documents:
        if (one.kind.value, one.version) == (kind, version):
            return one
    raise BadDocument(f"there is no {kind} {version}; `bastion consent status` lists all")


def _act(config: Config, work: Callable[[DocumentAdmin], Awaitable[T]]) -> T:
    return acting(config, lambda resources: work(DocumentAdmin(resources.acts, operator())))
