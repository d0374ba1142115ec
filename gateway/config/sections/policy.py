"""Owns the section `policy`."""

from pathlib import Path

from pydantic import StrictBool

from gateway.config.setting import Section, setting


class PolicySection(Section):
    """The policy is a directory of YAML files, see the policy reference."""

    directory: Path = setting(Path("policies"), "A relative path starts at this file.", "a directory")
    watch: StrictBool = setting(
        True, "Loads the policy again when a file changes. SIGHUP does so in any case.", "true or false", kind="scalar"
    )
