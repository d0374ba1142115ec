"""Owns which addresses are inside: private, local, special, or a way to such ones (IANA's registries of both families).

Not `ipaddress.is_global`: Python 3.11 calls 224.0.0.1, 64:ff9b::7f00:1 and 2002:7f00:1:: global.
"""

from ipaddress import ip_network
from typing import Final

from gateway.core.policy.networks import NetworkSet

_IPV4: Final = """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24
    192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 168.63.129.16/32
"""
_IPV6: Final = """
    ::/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8
"""
INTERNAL: Final = NetworkSet.of(map(ip_network, (_IPV4 + _IPV6).split()))
