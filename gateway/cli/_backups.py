"""What commands need to make backups and to read them."""

from pathlib import Path

from gateway.cli._acting import operator
from gateway.config import Config
from gateway.config.tools import embedded_binaries, postgres_environment
from gateway.embedded import postgres_clients
from gateway.flows.act import Acts
from gateway.flows.backup.backups import Backups
from gateway.flows.privacy.erasure import NodeFiles
from gateway.stores.postgres.pg_tools import PgTools


def backups_of(config: Config, acts: Acts, key_files: tuple[Path, ...] = ()) -> Backups:
    """key_files: public keys of nodes that may have made a backup, beside those that this node knows."""
    tools = PgTools(postgres_clients(embedded_binaries()), postgres_environment())
    node, database = node_files(config), config.database
    url = database.owner_url or database.url
    return Backups(acts, url, config.backup.scratch_url, tools, node, key_files, config.backup.keep_keys, operator())


def node_files(config: Config) -> NodeFiles:
    return NodeFiles(config.audit.checkpoint_dir or config.data_dir, config.data_dir)
