"""Owns the static configuration: config.yaml and BASTION_* become one frozen Config, or all mistakes at once."""

from gateway.config.judge import judge
from gateway.config.load import ConfigProblem, ConfigRejected, Loaded, load_config
from gateway.config.model import Config
from gateway.config.setting import Finding
from gateway.config.tools import DemoServers, demo_servers, embedded_binaries

__all__ = [
    "Config",
    "ConfigProblem",
    "ConfigRejected",
    "DemoServers",
    "Finding",
    "Loaded",
    "demo_servers",
    "embedded_binaries",
    "judge",
    "load_config",
]
