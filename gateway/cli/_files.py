"""The directories and files that a configuration names."""

from gateway.config import Config
from gateway.stores.files.access import trouble_with
from gateway.stores.files.breach_index import trouble_with_index
from gateway.stores.files.geoip import trouble_with_geoip
from gateway.stores.files.logo import trouble_with_logo
from gateway.stores.files.network_lists import trouble_with_networks


def file_troubles(config: Config) -> dict[str, str]:
    """By key, why this account can't use a directory or file; empty where all is well."""
    mail = config.mail.directory
    checkpoints, logo, keys = config.audit.checkpoint_dir, config.pages.logo, config.jwt.keys_dir
    geoip, anonymising = config.risk.geoip, config.risk.anonymising_networks
    by_index = config.breach.source == "index"
    found = {
        "data_dir": trouble_with(config.data_dir, writes=True),
        "policy.directory": trouble_with(config.policy.directory, writes=False),
        "jwt.keys_dir": "" if keys is None else trouble_with(keys, writes=True),
        "audit.checkpoint_dir": "" if checkpoints is None else trouble_with(checkpoints, writes=True),
        "risk.anonymising_networks": next(filter(None, map(trouble_with_networks, anonymising)), ""),
        "breach.index": trouble_with_index(config.breach_index) if by_index else "",
        "risk.geoip": "" if geoip is None else trouble_with_geoip(geoip),
        "mail.directory": "" if mail is None else trouble_with(mail, writes=True),
        "pages.logo": "" if logo is None else trouble_with_logo(logo),
    }
    return {key: trouble for key, trouble in found.items() if trouble}
