"""The policy that a configuration names."""

from collections.abc import Mapping, Sequence

from gateway.config import Config
from gateway.core.policy.model import Policy
from gateway.core.policy.reading.registered import RegisteredClient
from gateway.core.policy.site import Site
from gateway.flows.policy.policies import PolicyRefused, compile_sources
from gateway.stores.files.policies import LastGood, PolicyUnreadable, read_sources


def known_policy_of(config: Config) -> Policy:
    """That of the files; where they are broken, the last that this node accepted: for a mistake in a file must not keep
    anybody from closing an app. Raises PolicyRefused.
    """
    try:
        return policy_of(config)
    except (PolicyUnreadable, PolicyRefused):
        sources = LastGood(config.data_dir / "policy-last-good.json").read()
        if sources is None:
            raise
        return _compiled(config, sources, ())


def policy_of(config: Config, *registered: RegisteredClient) -> Policy:
    """registered: beside the clients of the files. Raises PolicyUnreadable or PolicyRefused."""
    return _compiled(config, read_sources(config.policy.directory), registered)


def _compiled(config: Config, sources: Mapping[str, str], registered: Sequence[RegisteredClient]) -> Policy:
    site = Site.of(config.public_url, config.jwt.access_ttl)
    return compile_sources(sources, site, config.all_limits(), registered=registered)
