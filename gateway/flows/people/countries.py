"""Says in which country an address was that the gateway kept."""

from ipaddress import ip_address

from gateway.stores.files.geoip import GeoIp


def country_of(geoip: GeoIp | None, address: str) -> str:
    """Two letters; "" where there is no file, or the address is not known."""
    try:
        return "" if geoip is None else geoip.find(ip_address(address)).country
    except ValueError:
        return ""
