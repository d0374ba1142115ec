"""Owns the section `risk`."""

from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, StrictStr
from pydantic_core import PydanticCustomError

from gateway.config.setting import Finding, Grade, Section, setting
from gateway.config.values import Duration, Network
from gateway.core.policy.networks import unmapped
from gateway.core.risk.score import MOST_POINTS, Weights, known_device_share
from gateway.core.units import DAY_S

_NAMES: Final = tuple(one.name for one in fields(Weights))
_NETWORKS: Final = "a list of addresses or CIDRs"


def _known(name: str) -> str:
    """Raises PydanticCustomError."""
    if name not in _NAMES:
        raise PydanticCustomError("risk_weight", "no weight has this name")
    return name


def _points(given: object) -> object:
    """The environment has only text."""
    return int(given) if isinstance(given, str) and given.isascii() and given.isdigit() else given


def _completed(given: object) -> object:
    return asdict(Weights()) | given if isinstance(given, dict) else given


WeightName = Annotated[StrictStr, AfterValidator(_known)]
Points = Annotated[StrictInt, BeforeValidator(_points), Field(ge=0, le=MOST_POINTS)]
Bound = Annotated[StrictInt, Field(ge=1, le=MOST_POINTS + 1)]


class RiskSection(Section):
    """How suspicious a login is, as a score from 0 to 100 (docs/risk.md), and what follows from it."""

    weights: Annotated[dict[WeightName, Points], BeforeValidator(_completed)] = setting(
        asdict(Weights()),
        "The points of each factor, see docs/risk.md. A weight that you leave out keeps its default.",
        f"a map of weights to points from 0 to {MOST_POINTS}",
        kind="map",
    )
    step_up_at: Bound = setting(
        40,
        "From so many points on, a login without a second factor must prove more. 101 means never.",
        "a whole number from 1 to 101",
        kind="scalar",
    )
    block_at: Bound = setting(
        70,
        "From so many points on, a login without a second factor is refused. 101 means never.",
        "a whole number from 1 to 101",
        kind="scalar",
    )
    without_factor: Literal["mail", "refuse", "admit"] = setting(
        "mail",
        "What a person without a second factor must prove from step_up_at on. mail: a code from their mailbox, or one "
        "of an operator. refuse: one of an operator. admit: nothing.",
        "mail, refuse or admit",
    )
    release: Literal["mail", "operator"] = setting(
        "mail",
        "Who lets a person try again whose login is refused from block_at on. mail: the person, by the link of a "
        "notice, or a code of an operator. operator: only a code of an operator.",
        "mail or operator",
    )
    known_networks: tuple[Network, ...] = setting(
        (),
        "Networks that you vouch for, such as the office: the place of a login there gives no points.",
        _NETWORKS,
        kind="list",
        example="[203.0.113.0/24]",
    )
    shared_networks: tuple[Network, ...] = setting(
        (),
        "Networks of computers that many people share, such as kiosks: Bastion remembers no device there.",
        _NETWORKS,
        kind="list",
        example="[203.0.113.64/28]",
    )
    anonymising_networks: tuple[Path, ...] = setting(
        (),
        "Files with the networks of anonymising services, one address or CIDR a line. A replaced file is read again. "
        "A relative path starts at this file.",
        "a list of files",
        kind="list",
        example="[tor-exits.txt]",
    )
    geoip: Path | None = setting(
        None,
        "A City or Country file in MaxMind's format. A replaced file is read again. Without it, countries and "
        "distances give no points. A relative path starts at this file.",
        "a file",
        example="/var/lib/GeoIP/GeoLite2-City.mmdb",
    )
    remember_s: Annotated[Duration, Field(alias="remember", ge=DAY_S, le=730 * DAY_S)] = setting(
        "180d",
        "How long Bastion remembers devices, places and hours that a person no longer uses.",
        "a duration from 1d to 730d",
    )

    def weighed(self) -> Weights:
        return Weights(**self.weights)

    def findings(self) -> Iterator[Finding]:
        if self.step_up_at > self.block_at:
            message = f"is {self.step_up_at}, above risk.block_at, so it never counts; expected at most {self.block_at}"
            yield Finding("risk.step_up_at", message, Grade.WRONG)
        if self.without_factor == "admit":
            message = (
                "is admit, which weakens logins: a stolen password is enough on a strange device, up to risk.block_at"
            )
            yield Finding("risk.without_factor", message, Grade.DOUBTFUL)
        if any(not unmapped(network).prefixlen for network in self.known_networks):
            message = "has a network of everybody, so no place gives points; expected smaller ones"
            yield Finding("risk.known_networks", message, Grade.DOUBTFUL)
        travels = known_device_share(self.weighed())
        if travels >= self.step_up_at:
            message = f"ask more of people who travel: on a known device, place and time alone reach {travels} points"
            yield Finding("risk.weights", message, Grade.DOUBTFUL)
