"""Owns the static configuration: config.yaml and BASTION_* become one frozen Config, or all mistakes at once."""

from gateway.config.judge import Finding, judge
from gateway.config.load import ConfigProblem, ConfigRejected, Loaded, load_config
from gateway.config.model import Config
from gateway.config.tools import embedded_binaries

__all__ = [
    "Config",
    "ConfigProblem",
    "ConfigRejected",
    "Finding",
    "Loaded",
    "embedded_binaries",
    "judge",
    "load_config",
]
