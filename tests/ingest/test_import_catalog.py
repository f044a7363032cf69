"""People, albums, tags and places of the catalogs of Immich and digiKam."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Run
from vidlocal.errors import MediaError
from vidlocal.ingest.import_file import ImportResult, import_file
from vidlocal.records import FileStamp, MediaKind, PassageKind, Probe
from vidlocal.search.run import search
from vidlocal.store.content import passages, understanding, videos
from vidlocal.store.database import Library
from vidlocal.store.exchange.digikam import is_digikam

# The columns of digiKam 8 that are read.
DIGIKAM = """
CREATE TABLE AlbumRoots (id INTEGER PRIMARY KEY, label TEXT, specificPath TEXT);
CREATE TABLE Albums (id INTEGER PRIMARY KEY, albumRoot INTEGER NOT NULL, relativePath TEXT NOT NULL);
CREATE TABLE Images (id INTEGER PRIMARY KEY, album INTEGER, name TEXT NOT NULL, status INTEGER NOT NULL,
  category INTEGER NOT NULL, fileSize INTEGER);
CREATE TABLE ImageInformation (imageid INTEGER PRIMARY KEY, creationDate DATETIME);
CREATE TABLE ImagePositions (imageid INTEGER PRIMARY KEY, latitudeNumber REAL, longitudeNumber REAL);
CREATE TABLE ImageComments (id INTEGER PRIMARY KEY, imageid INTEGER, type INTEGER, language TEXT, comment TEXT);
CREATE TABLE ImageTags (imageid INTEGER NOT NULL, tagid INTEGER NOT NULL);
CREATE TABLE Tags (id INTEGER PRIMARY KEY, pid INTEGER, name TEXT NOT NULL);
CREATE TABLE TagProperties (tagid INTEGER, property TEXT, value TEXT);
INSERT INTO AlbumRoots VALUES (1, 'Pictures', '/home/anna/Pictures');
INSERT INTO Albums VALUES (1, 1, '/'), (2, 1, '/2023/Summer in Portugal');
INSERT INTO Images VALUES (1, 2, 'beach.mp4', 1, 2, 1000), (2, 2, 'other.mp4', 1, 2, 5),
  (3, 2, 'beach.mp4', 3, 2, 1000);
INSERT INTO ImageInformation VALUES (1, '2023-07-14T15:30:12.000');
INSERT INTO ImagePositions VALUES (1, 38.7139, -9.1394);
INSERT INTO ImageComments VALUES (1, 1, 1, 'x-default', 'Waves over the pier'), (2, 1, 1, 'de-DE', 'Wellen'),
  (3, 1, 3, 'x-default', 'High tide');
INSERT INTO Tags VALUES (1, 0, '_Digikam_Internal_Tags_'), (2, 1, 'Scanned for Faces'), (3, 0, 'Places'),
  (4, 3, 'Coast'), (5, 0, 'People'), (6, 5, 'Anna Müller'), (7, 5, 'Unknown');
INSERT INTO TagProperties VALUES (6, 'person', 'Anna Müller'), (7, 'unknownPerson', NULL);
INSERT INTO ImageTags VALUES (1, 2), (1, 4), (1, 6), (1, 7);
"""


def asset(**changes: Any) -> dict[str, Any]:
    """An asset in the form of Immich's API, limited to the fields in use."""
    return {
        "id": "5f0a",
        "type": "VIDEO",
        "originalPath": "/usr/src/app/upload/library/admin/2023/beach.mp4",
        "originalFileName": "beach.mp4",
        "people": [{"id": "1", "name": "Anna Müller"}, {"id": "2", "name": ""}],
        "tags": [{"id": "3", "name": "Coast", "value": "Places/Coast"}],
        "exifInfo": {
            "description": "Waves over the pier",
            "fileSizeInByte": 1000,
            "dateTimeOriginal": "2023-07-14T15:30:12+01:00",
            "latitude": 38.7139,
            "longitude": -9.1394,
            "make": "DJI",
            "model": "Mini 4",
        },
    } | changes


@pytest.fixture
def beach(library: Library) -> int:
    return videos.add(
        library,
        content_hash="a",
        path=Path("/films/beach.mp4"),
        stamp=FileStamp(1000, 2, 3),
        probe=Probe(kind=MediaKind.VIDEO, duration=10.0),
        frame_drafts=[],
        text_passages=[],
        plan=[],
    )


@pytest.fixture
def digikam(tmp_path: Path) -> Path:
    path = tmp_path / "digikam4.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(DIGIKAM)
    return path


@pytest.fixture
def save(tmp_path: Path) -> Any:
    def write(document: object, name: str = "immich.json") -> Path:
        (tmp_path / name).write_text(json.dumps(document))
        return tmp_path / name

    return write


def texts(library: Library) -> list[str]:
    return [passage.text for passage in passages.of_video(library, 1, [PassageKind.METADATA])]


def tags(library: Library) -> set[tuple[str, str]]:
    return {(tag.kind, tag.tag) for tag in understanding.tags(library, 1)}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda item: {"assets": {"items": [item], "nextPage": None}, "albums": {"items": []}},
        lambda item: [item],
        lambda item: {"items": [item]},
        lambda item: item,
    ],
)
def test_assets_of_immich_are_read_in_every_form_of_the_api(library: Library, beach: int, save: Any, wrap: Any) -> None:
    assert import_file(library, save(wrap(asset()))).described == 1
    assert texts(library) == ["Waves over the pier.\nAnna Müller.\nPlaces, Coast."]
    assert ("person", "Anna Müller") in tags(library)
    video = videos.get(library, beach)
    assert video is not None
    assert (video.recorded_at, video.camera) == ("2023-07-14T15:30:12+01:00", "DJI Mini 4")
    assert "Lisbon" in str(video.place)


def test_albums_of_immich_add_up(library: Library, beach: int, save: Any) -> None:
    for number, name in enumerate(["Summer", "Best of 2023"]):
        import_file(library, save({"albumName": name, "assets": [asset()]}, f"{number}.json"))
    assert {("tag", "Summer"), ("tag", "Best of 2023")} <= tags(library)
    assert [moment.video_title for moment in search(library, 'tag:"best of 2023"').moments] == ["beach"]


def test_a_second_import_replaces_the_first(library: Library, beach: int, save: Any) -> None:
    import_file(library, save([asset()]))
    assert import_file(library, save([asset()])) == ImportResult(existing=1)
    import_file(library, save([asset(people=[{"name": "Tom"}])]))
    assert {tag for kind, tag in tags(library) if kind == "person"} == {"Tom"}


@pytest.mark.parametrize(
    "changes",
    [
        {"exifInfo": {"fileSizeInByte": 999}},
        {"originalFileName": "waves.mp4", "originalPath": "/upload/waves.mp4"},
    ],
)
def test_another_file_is_not_taken_for_the_video(
    library: Library, beach: int, save: Any, changes: dict[str, Any]
) -> None:
    result = import_file(library, save([asset(), asset(**changes)]))
    assert (result.described, result.missing) == (1, 1)
    with pytest.raises(MediaError, match="none of its files is in the library"):
        import_file(library, save([asset(**changes)]))


@pytest.mark.parametrize("broken", [{"people": 5, "tags": {"a": 1}, "exifInfo": []}, {"exifInfo": {"latitude": "x"}}])
def test_an_asset_without_metadata_changes_nothing(
    library: Library, beach: int, save: Any, broken: dict[str, Any]
) -> None:
    import_file(library, save([asset(**{"people": None, "tags": None} | broken)]))
    assert texts(library) == []


def test_values_of_immich_that_nothing_can_hold_are_left_out(library: Library, beach: int, save: Any) -> None:
    strange = {"fileSizeInByte": 10**40, "latitude": 10**400, "longitude": 1.0}
    album = {"albumName": "A\ud800lbum", "assets": [asset(), asset(originalFileName="other\ud800", exifInfo=strange)]}
    import_file(library, save(album))
    assert ("tag", "A lbum") in tags(library)


def test_the_database_of_digikam_is_read(library: Library, beach: int, digikam: Path) -> None:
    before = digikam.read_bytes()
    result = import_file(library, digikam)
    assert (result.described, result.missing) == (1, 1)
    expected = "High tide.\nWaves over the pier.\nAnna Müller.\nSummer in Portugal.\nPlaces, Coast."
    assert texts(library) == [expected]
    assert tags(library) == {
        ("person", "Anna Müller"),
        ("tag", "Summer in Portugal"),
        ("tag", "Places"),
        ("tag", "Coast"),
    }
    video = videos.get(library, beach)
    assert video is not None
    assert video.recorded_at == "2023-07-14T15:30:12"
    assert "Lisbon" in str(video.place)
    assert digikam.read_bytes() == before
    assert sorted(path.name for path in digikam.parent.iterdir() if "digikam" in path.name) == ["digikam4.db"]


def test_a_database_that_digikam_has_open_is_read(library: Library, beach: int, digikam: Path) -> None:
    with closing(sqlite3.connect(digikam)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("UPDATE ImageComments SET comment = 'Calm sea' WHERE id = 1")
        connection.commit()
        import_file(library, digikam)
    assert "Calm sea." in texts(library)[0]


def test_a_cycle_of_tags_ends(library: Library, beach: int, digikam: Path) -> None:
    with closing(sqlite3.connect(digikam)) as connection:
        connection.execute("UPDATE Tags SET pid = 4 WHERE id = 3")
        connection.commit()
    import_file(library, digikam)
    assert ("person", "Anna Müller") in tags(library)


@pytest.mark.parametrize(
    "sql",
    [
        """DROP TABLE ImagePositions; CREATE VIEW ImagePositions AS WITH RECURSIVE endless(n) AS (
          SELECT 1 UNION ALL SELECT n + 1 FROM endless) SELECT n AS imageid, 1.0 AS latitudeNumber,
          2.0 AS longitudeNumber FROM endless""",
        """DROP TABLE ImageInformation; CREATE TABLE ImageInformation (imageid INTEGER,
          creationDate TEXT GENERATED ALWAYS AS (hex(zeroblob(400000000))));
        INSERT INTO ImageInformation (imageid) VALUES (1)""",
    ],
)
def test_a_database_that_computes_its_values_is_refused(library: Library, beach: int, digikam: Path, sql: str) -> None:
    with closing(sqlite3.connect(digikam)) as connection:
        connection.executescript(sql)
    with pytest.raises(MediaError):
        import_file(library, digikam)


def test_an_endless_chain_of_tags_and_damaged_names_end(library: Library, beach: int, digikam: Path) -> None:
    with closing(sqlite3.connect(digikam)) as connection:
        connection.executemany("INSERT INTO Tags VALUES (?, ?, 'deep')", [(tag, tag - 1) for tag in range(8, 20_000)])
        connection.execute("UPDATE Tags SET name = CAST(x'436fff' AS TEXT) WHERE id = 4")
        connection.commit()
    import_file(library, digikam)
    assert ("person", "Anna Müller") in tags(library)
    assert "Co\ufffd" in texts(library)[0]


def test_a_pipe_is_not_opened(library: Library, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "digikam4.db")
    with pytest.raises(MediaError, match="named pipe"):
        import_file(library, tmp_path / "digikam4.db")


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0 but damaged", b"digiKam"])
def test_other_files_are_no_database_of_digikam(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "digikam4.db").write_bytes(content)
    assert not is_digikam(tmp_path / "digikam4.db")


def test_the_command_tells_how_many_videos_it_described(library: Library, beach: int, digikam: Path, run: Run) -> None:
    result = run("import", str(digikam))
    assert result.exit_code == 0
    message = " ".join(result.stderr.split())
    assert "Imported metadata of 1 video; 1 file is not in the library." in message
    assert json.loads(run("import", str(digikam), "--json").stdout)["existing"] == 1
