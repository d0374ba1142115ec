"""A person with a settled life, as tests of the score know her."""

from ipaddress import ip_address
from typing import Final

from gateway.core.addresses import Address
from gateway.core.risk.places import Point, Spot, address_text, network_text
from gateway.core.risk.profile import Lesson, RiskProfile, learn

DAY_S: Final = 86_400
HOUR_S: Final = 3600
EIGHT: Final = 1_800_000_000 // DAY_S * DAY_S + 8 * HOUR_S  # 08:00 UTC of a day
HOME: Final = ip_address("203.0.113.7")
BERLIN: Final = Spot("DE", Point(52.52, 13.40, 20))
HAMBURG: Final = Spot("DE", Point(53.55, 10.00, 20))  # 255 km away
MUNICH: Final = Spot("DE", Point(48.14, 11.58, 20))  # 504 km
LISBON: Final = Spot("PT", Point(38.72, -9.14, 20))  # 2,313 km


def taught(
    profile: RiskProfile,
    *,
    at: int,
    address: Address = HOME,
    spot: Spot = BERLIN,
    login: str = "",
    new_device: bool = False,
) -> RiskProfile:
    """After one more login."""
    lesson = Lesson(
        login or f"login-{at}", at, network_text(address), address_text(address), spot.country, spot.point, new_device
    )
    return learn(profile, lesson)


def settled(days: int = 30, *, until: int = EIGHT) -> RiskProfile:
    """One login a day at home, each at the same time; the last a day before until."""
    profile = RiskProfile()
    for day in range(days, 0, -1):
        profile = taught(profile, at=until - day * DAY_S, new_device=day == days)
    return profile
