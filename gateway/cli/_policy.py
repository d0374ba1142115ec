"""The policy that a configuration names."""

from gateway.config import Config
from gateway.core.policy.model import Policy
from gateway.core.policy.reading.registered import RegisteredClient
from gateway.core.policy.site import Site
from gateway.flows.policy.policies import compile_sources
from gateway.stores.files.policies import read_sources


def policy_of(config: Config, *registered: RegisteredClient) -> Policy:
    """registered: beside the clients of the files. Raises PolicyUnreadable or PolicyRefused."""
    return compile_sources(
        read_sources(config.policy.directory),
        Site.of(config.public_url, config.jwt.access_ttl),
        config.all_limits(),
        registered=registered,
    )
