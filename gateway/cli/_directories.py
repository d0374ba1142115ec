"""The directories that a configuration names."""

from gateway.config import Config
from gateway.stores.files.access import trouble_with


def directory_troubles(config: Config) -> dict[str, str]:
    """By key, why this account can't use a directory; empty where all is well."""
    checkpoints = config.audit.checkpoint_dir
    found = {
        "data_dir": trouble_with(config.data_dir, writes=True),
        "policy.directory": trouble_with(config.policy.directory, writes=False),
        "audit.checkpoint_dir": "" if checkpoints is None else trouble_with(checkpoints, writes=True),
    }
    return {key: trouble for key, trouble in found.items() if trouble}
