"""What the tests of backups and restores share."""

from gateway.stores.postgres.roles import OWNER, SERVING
from tests.cli.conftest import Bastion, Ran

PASSWORD = "correct horse battery"


def configure(bastion: Bastion, url: str, scratch_url: str = "", **changed: str) -> None:
    """As on a node that migrates, restores and makes backups. url: of the serving role."""
    bastion.configure(database_url=url, **changed)
    file = bastion.directory / "config.yaml"
    owner = f'database: {{owner_url: "{owner_url(url)}", '
    text = file.read_text().replace("database: {", owner)
    file.write_text(text + (f'backup: {{scratch_url: "{scratch_url}"}}\n' if scratch_url else ""))


def owner_url(url: str) -> str:
    """Of the same database."""
    return url.replace(f"//{SERVING}@", f"//{OWNER}@")


async def did(bastion: Bastion, *arguments: str, stdin: str = "") -> Ran:
    ran = await bastion(*arguments, stdin=stdin)
    assert ran.status == 0, ran.err
    return ran
