"""Places of recordings: coordinates in containers, photos, telemetry and Takeout, and their names."""

import json
import re
import struct
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from tests.support import clips
from vidlocal.geography import GeoPoint
from vidlocal.media.metadata.cities import find_place
from vidlocal.media.metadata.gpmf import camera, first_fix
from vidlocal.media.metadata.recording_place import with_place
from vidlocal.media.metadata.takeout import read_takeout
from vidlocal.media.probe.prober import Prober

LISBON = GeoPoint(38.7139, -9.1394)


def test_a_place_has_the_names_of_the_city_in_many_languages() -> None:
    place = find_place(LISBON)
    assert place.name.endswith("Lisbon, Portugal")
    assert {"Lisboa", "Lissabon", "Лисабон", "Portugal"} <= set(place.names)


def test_a_suburb_is_found_by_the_large_city_near_by() -> None:
    assert "Munich" in find_place(GeoPoint(48.20, 11.61)).names


def test_a_mountain_is_near_a_town() -> None:
    assert find_place(GeoPoint(46.5714, 8.3373)).name == "near Sarnen, Switzerland"


def test_the_middle_of_an_ocean_has_coordinates_only() -> None:
    place = find_place(GeoPoint(30.0, -40.0))
    assert (place.name, place.names) == ("30.0000, -40.0000", ())


@pytest.mark.parametrize("name", ["a.mp4", "a.mov"])
def test_a_film_has_the_place_and_the_camera_of_its_tags(prober: Prober, tmp_path: Path, name: str) -> None:
    film = clips.scenes(tmp_path / "scenes.mp4", seconds=4)
    tags = ("location=+38.7139-009.1394/", "make=Apple", "model=iPhone 15")
    metadata = [argument for tag in tags for argument in ("-metadata", tag)]
    clips.run("-i", film, "-c", "copy", "-movflags", "use_metadata_tags", *metadata, tmp_path / name)
    probe = prober.probe(tmp_path / name)
    assert probe.place is not None
    assert probe.place.point == pytest.approx(LISBON, abs=1e-4)
    assert probe.camera == "Apple iPhone 15"


@pytest.mark.parametrize(
    ("encoder", "shown"), [(b"DJI Mini 4", "DJI Mini 4"), (b"DJIMavic3", "DJI Mavic3"), (b"DJI", None)]
)
def test_the_camera_of_a_dji_drone_is_in_the_tag_of_the_encoder(
    prober: Prober, tmp_path: Path, encoder: bytes, shown: str | None
) -> None:
    path = tmp_path / "DJI_0001.MP4"
    clips.run("-f", "lavfi", "-i", "color=blue:s=64x48:d=1", "-pix_fmt", "yuv420p", path)
    own = re.compile(rb"Lavf[\d.]+")  # the muxer of ffmpeg always writes its own name
    path.write_bytes(own.sub(lambda name: encoder.ljust(len(name[0])), path.read_bytes()))
    assert prober.probe(path).camera == shown


def test_a_photo_has_the_place_and_the_camera_of_exif(prober: Prober, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Canon", "Canon EOS R5"
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (38.0, 42.0, 50.0), 3: "W", 4: (9.0, 8.0, 21.8)})
    Image.new("RGB", (64, 48), "green").save(tmp_path / "a.jpg", exif=exif)
    probe = prober.probe(tmp_path / "a.jpg")
    assert probe.place is not None
    assert probe.place.point == pytest.approx(LISBON, abs=1e-3)
    assert probe.camera == "Canon EOS R5"


def test_a_photo_with_broken_gps_tags_is_read(prober: Prober, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (38.0, 42.0, 50.0), 3: "W"})
    Image.new("RGB", (64, 48), "green").save(tmp_path / "a.jpg", exif=exif)
    assert prober.probe(tmp_path / "a.jpg").place is None


def entry(key: bytes, kind: bytes, size: int, data: bytes) -> bytes:
    header = key + kind + struct.pack(">BH", size, len(data) // size)
    return header + data + bytes(-len(data) % 4)


def gps_packet(*, fix: int) -> bytes:
    stream = entry(b"SCAL", b"l", 4, struct.pack(">5i", 10**7, 10**7, 1000, 1000, 100))
    stream += entry(b"GPSF", b"L", 4, struct.pack(">I", fix))
    stream += entry(b"GPS5", b"l", 20, struct.pack(">5i", 387139000, -91394000, 12000, 0, 0) * 2)
    return entry(b"DEVC", b"\0", 1, entry(b"STRM", b"\0", 1, stream))


def test_the_first_position_of_a_gopro_is_read() -> None:
    assert first_fix(gps_packet(fix=3)) == pytest.approx(LISBON)
    assert first_fix(gps_packet(fix=0)) is None


@pytest.mark.parametrize(
    ("name", "shown"), [(b"HERO8 Black\0", "GoPro HERO8 Black"), (b"Camera", "GoPro"), (b"\xff\x00", "GoPro \xff")]
)
def test_the_camera_of_a_gopro_is_read(name: bytes, shown: str) -> None:
    assert camera(entry(b"DEVC", b"\0", 1, entry(b"DVNM", b"c", 1, name))) == shown
    assert camera(gps_packet(fix=3)) is None


def test_cut_telemetry_has_no_position() -> None:
    packet = gps_packet(fix=3)
    for length in range(len(packet)):
        assert first_fix(packet[:length]) in (None, pytest.approx(LISBON))


@pytest.mark.parametrize(
    "line",
    [
        "[iso : 110] [latitude: 38.7139] [longitude: -9.1394] [altitude: 12.0]",
        "[latitude : 38.7139] [longtitude : -9.1394]",
        "HOME(-9.1,38.7) GPS(-9.1394,38.7139,12)",
    ],
)
def test_the_telemetry_of_a_drone_has_the_place(prober: Prober, tmp_path: Path, line: str) -> None:
    film = clips.scenes(tmp_path / "DJI_0001.MP4", seconds=4)
    film.with_suffix(".SRT").write_text(f"1\n00:00:00,000 --> 00:00:01,000\n{line}\n")
    place = with_place(film, prober.probe(film), read_takeout(film)).place
    assert place is not None
    assert place.point == pytest.approx(LISBON)


def test_takeout_has_the_place(prober: Prober, tmp_path: Path) -> None:
    film = clips.scenes(tmp_path / "a.mp4", seconds=4)
    values = {"photoTakenTime": {"timestamp": "1689340532"}, "geoData": {"latitude": 38.7139, "longitude": -9.1394}}
    (tmp_path / "a.mp4.json").write_text(json.dumps(values))
    place = with_place(film, prober.probe(film), read_takeout(film)).place
    assert place is not None
    assert place.name.endswith("Lisbon, Portugal")


def test_takeout_without_a_position_has_no_place(prober: Prober, tmp_path: Path) -> None:
    film = clips.scenes(tmp_path / "a.mp4", seconds=4)
    values = {"photoTakenTime": {"timestamp": "1689340532"}, "geoData": {"latitude": 0.0, "longitude": 0.0}}
    (tmp_path / "a.mp4.json").write_text(json.dumps(values))
    assert with_place(film, prober.probe(film), read_takeout(film)).place is None
