"""Coordinates."""

import math

import pytest

from vidlocal.geography import GeoPoint, distance_km, parse_iso_6709


@pytest.mark.parametrize(
    ("text", "latitude", "longitude"),
    [
        ("+38.7139-009.1394/", 38.7139, -9.1394),
        ("+38.7139-009.1394+010.000/", 38.7139, -9.1394),
        ("-33.8568+151.2153+12.3CRSWGS_84/", -33.8568, 151.2153),
        ("+3842.834-00908.364/", 38.7139, -9.1394),
        ("+384250.0-0090821.8/", 38.71389, -9.13939),
    ],
)
def test_coordinates_are_read_in_degrees_minutes_or_seconds(text: str, latitude: float, longitude: float) -> None:
    assert parse_iso_6709(text) == pytest.approx((latitude, longitude), abs=1e-4)


@pytest.mark.parametrize("text", ["", "Lisbon", "38.7,-9.1", "+95.0-009.1/", "+00.0000+000.0000/", "+" * 5000])
def test_anything_else_is_no_point(text: str) -> None:
    assert parse_iso_6709(text) is None


def test_a_point_without_a_number_is_none() -> None:
    assert GeoPoint.checked(math.nan, 1.0) is None


def test_distances_go_across_the_date_line() -> None:
    assert distance_km(GeoPoint(-17.0, 179.9), GeoPoint(-17.0, -179.9)) == pytest.approx(21.3, abs=0.1)
