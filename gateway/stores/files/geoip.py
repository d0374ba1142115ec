"""Finds where an address is, in a City or Country file of MaxMind's format.

The file is read with pread(2), not mapped: who overwrites a mapped file in place would end the process (SIGBUS), and a
page fault would hold up decisions.
"""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

import maxminddb

from gateway.core.addresses import Address
from gateway.core.risk.places import NOWHERE, Point, Spot, public_address
from gateway.stores.files.reread import FileUnusable, Reread, unreadable

# What the reader raises for bytes that are none of the format.
_BROKEN: Final = (
    maxminddb.InvalidDatabaseError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    RecursionError,
    struct.error,
)
_COUNTRY_CHARS: Final = 2
_LATITUDE: Final = 90
_LONGITUDE: Final = 180


class GeoIp:
    """The file may be replaced at any time. complain: as Reread has it."""

    def __init__(self, path: Path | None, complain: Callable[[str], None]) -> None:
        self._file = None if path is None else Reread(path, open_geoip, complain, maxminddb.Reader.close)

    def find(self, address: Address | None) -> Spot:
        """NOWHERE: private or not known, not in the file, or there is no file that can be read."""
        public, reader = public_address(address), None if self._file is None else self._file.current
        if public is None or reader is None:
            return NOWHERE
        try:
            return _spot(reader.get(public))
        except (*_BROKEN, OSError):  # overwritten in place while it is read; the next look opens it anew
            return NOWHERE

    @property
    def built_at(self) -> int | None:
        """Unix seconds. None: there is no file that can be read."""
        reader = None if self._file is None else self._file.current
        return None if reader is None else int(reader.metadata().build_epoch)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def open_geoip(path: Path) -> maxminddb.Reader:
    """Raises FileUnusable."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise unreadable(path, error) from error
    try:
        reader = maxminddb.open_database(path, maxminddb.MODE_FILE)
    except (*_BROKEN, OSError) as error:  # of an empty file the reader asks for -1 bytes
        raise FileUnusable(f"{path} is no file of MaxMind's format") from error
    kind = str(reader.metadata().database_type)
    if "City" not in kind and "Country" not in kind:
        reader.close()
        raise FileUnusable(f"{path} is of the kind {kind!r}; expected a City or Country file")
    return reader


def trouble_with_geoip(path: Path) -> str:
    """Why it can't be used; "" where it can."""
    try:
        open_geoip(path).close()
    except FileUnusable as error:
        return str(error)
    return ""


def _spot(record: object) -> Spot:
    """Total: what the record does not say, or says in another form, is not known."""
    country, location = _within(record, "country"), _within(record, "location")
    code = _within(country, "iso_code")
    is_code = isinstance(code, str) and len(code) == _COUNTRY_CHARS and code.isalpha() and code.isascii()
    return Spot(str(code).upper() if is_code else "", _point(location))


def _point(location: object) -> Point | None:
    latitude = _number(_within(location, "latitude"), -_LATITUDE, _LATITUDE)
    longitude = _number(_within(location, "longitude"), -_LONGITUDE, _LONGITUDE)
    if latitude is None or longitude is None:
        return None
    return Point(latitude, longitude, _number(_within(location, "accuracy_radius"), 0, 65_535))


def _within(record: object, name: str) -> object:
    return record.get(name) if isinstance(record, dict) else None


def _number(value: object, least: float, most: float) -> float | None:
    return float(value) if isinstance(value, int | float) and least <= value <= most else None
