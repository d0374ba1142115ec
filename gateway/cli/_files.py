"""The directories and files that a configuration names."""

from gateway.config import Config
from gateway.stores.files.access import trouble_with
from gateway.stores.files.logo import trouble_with_logo


def file_troubles(config: Config) -> dict[str, str]:
    """By key, why this account can't use a directory or file; empty where all is well."""
    checkpoints, logo = config.audit.checkpoint_dir, config.pages.logo
    found = {
        "data_dir": trouble_with(config.data_dir, writes=True),
        "policy.directory": trouble_with(config.policy.directory, writes=False),
        "audit.checkpoint_dir": "" if checkpoints is None else trouble_with(checkpoints, writes=True),
        "pages.logo": "" if logo is None else trouble_with_logo(logo),
    }
    return {key: trouble for key, trouble in found.items() if trouble}
