"""Coordinates, and names for places. Pure."""

import math
import re
from dataclasses import dataclass
from typing import NamedTuple

_EARTH_RADIUS_KM = 6371.0
# ISO 6709, annex H: latitude and longitude with signs, in degrees, degrees and minutes, or with seconds; then a height.
_ISO_6709 = re.compile(r"([+-])(\d{2,6}(?:\.\d+)?)([+-])(\d{3,7}(?:\.\d+)?)(?:[+-]\d+(?:\.\d+)?)?(?:CRS\w*)?/?")


class GeoPoint(NamedTuple):
    """Coordinates in degrees, north and east positive."""

    latitude: float
    longitude: float

    @classmethod
    def checked(cls, latitude: float, longitude: float) -> "GeoPoint | None":
        """Return a point; None outside of the ranges, for NaN, and for 0, 0: the value of receivers without a fix."""
        is_valid = abs(latitude) <= 90.0 and abs(longitude) <= 180.0 and (latitude, longitude) != (0.0, 0.0)
        return cls(float(latitude), float(longitude)) if is_valid else None


@dataclass(frozen=True, slots=True)
class Place:
    """A point with a name to show, such as "Lisbon, Portugal", and all names to search by."""

    point: GeoPoint
    name: str
    names: tuple[str, ...]


def parse_iso_6709(text: str) -> GeoPoint | None:
    """Read coordinates such as `+38.7139-009.1394+010.0/`; None for anything else.

    >>> parse_iso_6709("+38.5000-009.1394/")
    GeoPoint(latitude=38.5, longitude=-9.1394)
    >>> parse_iso_6709("+3830.00-00908.364/").latitude
    38.5
    """
    match = _ISO_6709.fullmatch(text.strip())
    if match is None:
        return None
    latitude, longitude = _degrees(match[2], 2), _degrees(match[4], 3)
    return GeoPoint.checked(
        math.copysign(latitude, float(f"{match[1]}1")), math.copysign(longitude, float(f"{match[3]}1"))
    )


def distance_km(one: GeoPoint, other: GeoPoint) -> float:
    """Return the distance over the surface of a sphere (haversine formula).

    >>> round(distance_km(GeoPoint(38.71, -9.14), GeoPoint(41.15, -8.61)))
    275
    """
    latitude, other_latitude = math.radians(one.latitude), math.radians(other.latitude)
    squared = (
        math.sin((latitude - other_latitude) / 2) ** 2
        + math.cos(latitude)
        * math.cos(other_latitude)
        * math.sin(math.radians(one.longitude - other.longitude) / 2) ** 2
    )
    return 2 * _EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(squared)))


def _degrees(digits: str, degree_digits: int) -> float:
    """Convert dd.d, ddmm.m or ddmmss.s to degrees; longitudes have three digits of degrees."""
    whole = digits.partition(".")[0]
    if len(whole) <= degree_digits:
        return float(digits)
    degrees, rest = float(digits[:degree_digits]), digits[degree_digits:]
    if len(whole) <= degree_digits + 2:
        return degrees + float(rest) / 60
    return degrees + float(rest[:2]) / 60 + float(rest[2:]) / 3600
