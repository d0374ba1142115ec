"""The policy that a configuration names."""

from gateway.config import Config
from gateway.core.policy.model import Policy
from gateway.core.policy.site import Site
from gateway.flows.policy.policies import compile_sources
from gateway.stores.files.policies import read_sources


def policy_of(config: Config) -> Policy:
    """Raises PolicyUnreadable or PolicyRefused."""
    limits = {name: config.limit(name) for name in config.limits}
    return compile_sources(read_sources(config.policy.directory), Site.of(config.public_url), limits)
