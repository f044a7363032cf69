"""Files of other programs beside a video."""

import json
from pathlib import Path

import pytest

from tests.media.metadata.test_xmp import PACKET
from vidlocal.errors import MediaError
from vidlocal.media.metadata.metadata_files import read_metadata_files
from vidlocal.media.metadata.nfo import parse_nfo
from vidlocal.render.sidecar_files import VideoNotes, nfo, xmp

NFO = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<movie>
  <title>The wedding</title>
  <plot>Two families meet &amp; dance.</plot>
  <premiered>2019-06-01</premiered>
  <genre>Family</genre>
  <tag>dance</tag>
  <set><name>Summers</name></set>
  <actor><name>Tom</name><role>himself</role></actor>
  <director>Eve</director>
</movie>
https://www.themoviedb.org/movie/1
"""


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "wedding.mp4"
    path.write_bytes(b"film")
    return path


def test_an_nfo_file_has_title_plot_tags_people_and_collection() -> None:
    metadata = parse_nfo(NFO)
    assert metadata.text == "The wedding.\nTwo families meet & dance.\nTom, Eve.\nSummers.\ndance, Family."
    assert metadata.recorded_at == "2019-06-01"


@pytest.mark.parametrize("text", ["<tvshow><title>A</title></tvshow>", "<movie><title>A</title>", ""])
def test_another_xml_file_is_no_nfo_file(text: str) -> None:
    with pytest.raises(MediaError):
        parse_nfo(text)


@pytest.mark.parametrize("name", ["wedding.mp4.xmp", "wedding.xmp", "Wedding.MP4.XMP"])
def test_xmp_is_found_by_both_usual_names(film: Path, name: str) -> None:
    film.with_name(name).write_text(PACKET)
    assert read_metadata_files(film).metadata.title == "At sea"


def test_movie_nfo_belongs_to_the_only_film_of_a_folder(film: Path) -> None:
    film.with_name("movie.nfo").write_text(NFO)
    film.with_name("poster.jpg").write_bytes(b"artwork")
    assert read_metadata_files(film).metadata.title == "The wedding"
    film.with_name("other.mkv").write_bytes(b"another film")
    assert not read_metadata_files(film).metadata.text


def test_the_files_of_several_programs_add_up_and_xmp_decides(film: Path) -> None:
    film.with_name("wedding.nfo").write_text(NFO)
    film.with_name("wedding.xmp").write_text(PACKET)
    metadata = read_metadata_files(film).metadata
    assert metadata.title == "At sea"
    assert {"boat", "dance"} <= set(metadata.tags)
    assert {"Anna Müller", "Eve"} <= set(metadata.people)
    assert metadata.recorded_at == "2023-07-14T15:30:12+01:00"


def test_description_and_people_of_google_takeout_are_read(film: Path) -> None:
    taken = {
        "photoTakenTime": {"timestamp": "1546347845"},
        "description": "First dance",
        "people": [{"name": "Anna"}],
        "geoData": {"latitude": 0.0, "longitude": 0.0},
        "geoDataExif": {"latitude": 38.7, "longitude": -9.1},
    }
    film.with_name("wedding.mp4.json").write_text(json.dumps(taken))
    metadata = read_metadata_files(film).metadata
    assert metadata.text == "First dance.\nAnna."
    assert metadata.location == (38.7, -9.1)


def test_files_that_vidlocal_wrote_are_not_read_back(film: Path) -> None:
    notes = VideoNotes("wedding", 60.0, summary="A dance.", tags=("bride",), people=("Anna",))
    film.with_name("wedding.mp4.xmp").write_text(xmp(notes))
    film.with_name("wedding.nfo").write_text(nfo(notes))
    assert not read_metadata_files(film).metadata.text


def test_a_damaged_file_is_named_and_the_others_are_read(film: Path) -> None:
    film.with_name("wedding.mp4.xmp").write_text("<x:xmpmeta")
    film.with_name("wedding.nfo").write_text(NFO)
    read = read_metadata_files(film)
    assert read.notes == ("wedding.mp4.xmp: not valid XML.",)
    assert read.metadata.title == "The wedding"


def test_an_nfo_file_with_nothing_but_an_address_is_no_error(film: Path) -> None:
    film.with_name("wedding.nfo").write_text("https://www.themoviedb.org/movie/1\n")
    read = read_metadata_files(film)
    assert (read.notes, read.metadata.text) == ((), "")
