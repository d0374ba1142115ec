"""Where a GeoIP file says that an address is, also while the file is replaced, broken or gone."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.risk.places import NOWHERE, Point, Spot
from gateway.stores.files.geoip import GeoIp, open_geoip, trouble_with_geoip
from gateway.stores.files.network_lists import NetworkLists, trouble_with_networks
from gateway.stores.files.reread import FileUnusable
from tests.mmdb import BUILT_AT, city, country_of, mmdb, write_mmdb

RECORDS = {
    "203.0.113.0/24": city("DE", 52.52, 13.4),
    "198.51.100.0/25": city("PT", 38.72, -9.14, None),
    "2001:db8:1::/48": city("FR", 48.85, 2.35, 5),
    "10.0.0.0/8": city("US", 0.0, 0.0),
    "192.0.2.1/32": {"location": {"latitude": "north"}, "country": "DE"},
}
PLACES = {
    "203.0.113.7": Spot("DE", Point(52.52, 13.4, 20)),
    "::ffff:203.0.113.7": Spot("DE", Point(52.52, 13.4, 20)),
    "198.51.100.127": Spot("PT", Point(38.72, -9.14)),
    "198.51.100.128": NOWHERE,
    "2001:db8:1:2::7": Spot("FR", Point(48.85, 2.35, 5)),
    "2001:db8:2::7": NOWHERE,
    "10.1.2.3": NOWHERE,
    "::ffff:10.1.2.3": NOWHERE,
    "192.0.2.1": NOWHERE,
}


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def geoip(tmp_path: Path, complaints: list[str]) -> Iterator[GeoIp]:
    """Of a City file that may be there already."""
    with closing(GeoIp(tmp_path / "city.mmdb", complaints.append)) as opened:
        yield opened


@pytest.mark.parametrize(("address", "spot"), PLACES.items(), ids=list(PLACES))
def test_an_address_is_where_the_file_says(
    tmp_path: Path, geoip: GeoIp, address: str, spot: Spot, complaints: list[str]
) -> None:
    write_mmdb(tmp_path / "city.mmdb", RECORDS)

    assert geoip.find(ip_address(address)) == spot
    assert complaints == []


def test_a_country_file_knows_no_points(tmp_path: Path, geoip: GeoIp) -> None:
    write_mmdb(tmp_path / "city.mmdb", {"203.0.113.0/24": country_of("DE")}, kind="GeoLite2-Country")

    assert geoip.find(ip_address("203.0.113.7")) == Spot("DE")


def test_without_a_file_or_an_address_nothing_is_known(tmp_path: Path, geoip: GeoIp, complaints: list[str]) -> None:
    none = GeoIp(None, complaints.append)
    write_mmdb(tmp_path / "city.mmdb", RECORDS)

    assert none.find(ip_address("203.0.113.7")) == NOWHERE
    assert none.built_at is None
    assert geoip.find(None) == NOWHERE


def test_a_file_is_read_again_when_it_is_replaced(tmp_path: Path, geoip: GeoIp) -> None:
    path = write_mmdb(tmp_path / "city.mmdb", RECORDS)
    before = geoip.find(ip_address("203.0.113.7")), geoip.built_at

    write_mmdb(tmp_path / "new", {"203.0.113.0/24": city("FR", 48.85, 2.35)}, built_at=BUILT_AT + 9).replace(path)

    assert before == (PLACES["203.0.113.7"], BUILT_AT)
    assert geoip.find(ip_address("203.0.113.7")).country == "FR"
    assert geoip.built_at == BUILT_AT + 9


def test_a_broken_file_leaves_the_one_before_in_force_and_is_told_once(
    tmp_path: Path, geoip: GeoIp, complaints: list[str]
) -> None:
    path = write_mmdb(tmp_path / "city.mmdb", RECORDS)
    assert geoip.find(ip_address("203.0.113.7")).country == "DE"
    (tmp_path / "new").write_bytes(b"not such a file")

    (tmp_path / "new").replace(path)
    found = [geoip.find(ip_address("203.0.113.7")).country for _ in range(3)]

    assert found == ["DE", "DE", "DE"]
    assert complaints == [f"{path} is no file of MaxMind's format"]


def test_a_file_that_comes_late_is_used(tmp_path: Path, geoip: GeoIp, complaints: list[str]) -> None:
    before = [geoip.find(ip_address("203.0.113.7")) for _ in range(2)]

    write_mmdb(tmp_path / "city.mmdb", RECORDS)

    assert before == [NOWHERE, NOWHERE]
    assert len(complaints) == 1
    assert geoip.find(ip_address("203.0.113.7")).country == "DE"


def test_a_file_that_is_cut_while_it_is_open_ends_nothing(tmp_path: Path, geoip: GeoIp) -> None:
    """A mapped file would end the process with SIGBUS."""
    path = write_mmdb(tmp_path / "city.mmdb", RECORDS)
    assert geoip.find(ip_address("203.0.113.7")).country == "DE"

    os.truncate(path, 40)

    assert geoip.find(ip_address("203.0.113.7")) == NOWHERE


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _path: None, "can't be read by the account"),
        (lambda path: path.write_bytes(b""), "is no file of MaxMind's format"),
        (lambda path: path.write_bytes(mmdb(RECORDS)[:-10]), "is no file of MaxMind's format"),
        (lambda path: write_mmdb(path, RECORDS, kind="GeoLite2-ASN"), "is of the kind 'GeoLite2-ASN'; expected a City"),
    ],
    ids=["absent", "empty", "cut", "of another kind"],
)
def test_a_file_that_can_not_be_used_says_why(tmp_path: Path, make: Callable[[Path], object], message: str) -> None:
    path = tmp_path / "city.mmdb"
    make(path)

    assert message in trouble_with_geoip(path)
    assert str(path) in trouble_with_geoip(path)


@given(st.data())
def test_no_byte_crashes_the_reader(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    whole = bytearray(mmdb({"203.0.113.0/24": city("DE", 52.52, 13.4)}))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "mutated.mmdb"
    path.write_bytes(whole)

    with closing(GeoIp(path, lambda _why: None)) as geoip:
        spot = geoip.find(ip_address("203.0.113.7"))

    assert spot.country == "" or len(spot.country) == 2
    assert spot.point is None or abs(spot.point.latitude) <= 90


def test_a_list_of_networks_is_read_again_when_it_is_replaced(tmp_path: Path, complaints: list[str]) -> None:
    path, other = tmp_path / "exits.txt", tmp_path / "more.txt"
    path.write_text("# exits\n\n203.0.113.7  # one\n198.51.100.0/24\n2001:db8::/32\n")
    other.write_text("192.0.2.0/24\n")
    lists = NetworkLists([path, other], complaints.append)
    addresses = [ip_address(text) for text in ("::ffff:203.0.113.7", "198.51.100.9", "2001:db8::1", "192.0.2.9")]
    before = [address in lists for address in (*addresses, ip_address("203.0.113.8"))]

    (tmp_path / "new").write_text("203.0.113.8\n")
    (tmp_path / "new").replace(path)

    assert before == [True, True, True, True, False]
    assert [address in lists for address in (*addresses, ip_address("203.0.113.8"))] == [
        False,
        False,
        False,
        True,
        True,
    ]
    assert complaints == []


def test_a_list_with_a_mistake_names_its_line(tmp_path: Path, complaints: list[str]) -> None:
    path = tmp_path / "exits.txt"
    path.write_text("203.0.113.7\n198.51.100.1/24\n")

    assert f"{path}:2 is no address or CIDR" in trouble_with_networks(path)
    assert ip_address("203.0.113.7") not in NetworkLists([path], complaints.append)
    assert len(complaints) == 1


def test_a_list_that_is_absent_or_not_text_says_so(tmp_path: Path) -> None:
    path = tmp_path / "exits.txt"
    absent = trouble_with_networks(path)
    path.write_bytes(b"\xff")

    assert "can't be read by the account" in absent
    assert trouble_with_networks(path) == f"{path} is not UTF-8"


def test_opening_what_is_not_there_raises(tmp_path: Path) -> None:
    with pytest.raises(FileUnusable):
        open_geoip(tmp_path / "nothing.mmdb")
