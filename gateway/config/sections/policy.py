"""Owns the section `policy`."""

from pathlib import Path

from pydantic import StrictBool

from gateway.config.setting import Section, setting


class PolicySection(Section):
    """The policy is a directory of YAML files; see the policy reference."""

    directory: Path = setting(Path("policies"), "Relative to this file.", "a directory")
    watch: StrictBool = setting(
        True, "Load it again when a file changes; SIGHUP does in any case.", "true or false", kind="scalar"
    )
