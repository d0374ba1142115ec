"""The policy that a configuration names."""

from gateway.config import Config
from gateway.core.policy.header_sets import HeaderSet, most_used
from gateway.core.policy.model import Policy
from gateway.core.policy.site import Site
from gateway.flows.policy.policies import compile_sources
from gateway.stores.files.policies import read_sources


def policy_of(config: Config) -> Policy:
    """Raises PolicyUnreadable or PolicyRefused."""
    return compile_sources(read_sources(config.policy.directory), Site.of(config.public_url), config.all_limits())


def header_sets_of(policy: Policy) -> tuple[HeaderSet, ...]:
    """For the snippet: those of the most routes first."""
    return most_used(route.header_set for route in policy.routes)
