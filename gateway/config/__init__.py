"""Owns the static configuration: config.yaml and BASTION_* become one frozen Config, or all mistakes at once."""

from gateway.config.judge import judge
from gateway.config.load import ConfigProblem, ConfigRejected, Loaded, load_config
from gateway.config.model import Config
from gateway.config.setting import Finding

__all__ = [
    "Config",
    "ConfigProblem",
    "ConfigRejected",
    "Finding",
    "Loaded",
    "judge",
    "load_config",
]
