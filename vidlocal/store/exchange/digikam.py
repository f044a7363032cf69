"""Read the database of digiKam (digikam4.db, https://www.digikam.org): titles, captions, tags, people and places.

Paths in it are relative to a collection on some disk, so that files are known by name and size.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from vidlocal.errors import MediaError
from vidlocal.geography import GeoPoint
from vidlocal.video_metadata import CatalogEntry, VideoMetadata

SOURCE = "digikam"
_SIGNATURE = b"SQLite format 3\0"
_SIGNIFICANT_TABLES = {"AlbumRoots", "Albums", "Images", "ImageTags", "Tags", "ImageComments"}
_TABLES = _SIGNIFICANT_TABLES | {"ImageInformation", "ImagePositions", "TagProperties"}
# Longer values are damage or attacks, such as columns computed at reading.
_MAX_VALUE_BYTES = 16 << 20
_MAX_TAG_DEPTH = 32
_INTERNAL_ROOT = "_Digikam_Internal_Tags_"
# Types of ImageComments: a caption, and a title.
_CAPTION, _TITLE = 1, 3
_VISIBLE = 1  # Images.status; others are in the trash or gone

# The path of each tag from its root.
_TAG_PATHS = f"""WITH RECURSIVE tree(id, path, root, depth) AS (
  SELECT id, name, name, 1 FROM Tags WHERE coalesce(pid, 0) NOT IN (SELECT id FROM Tags WHERE id > 0)
  UNION ALL SELECT Tags.id, tree.path || '/' || Tags.name, tree.root, depth + 1
  FROM Tags JOIN tree ON Tags.pid = tree.id WHERE Tags.id > 0 AND depth < {_MAX_TAG_DEPTH} LIMIT 100000)
SELECT id, path, root FROM tree WHERE root <> ?"""
_IMAGES = """SELECT Images.id, Images.name, fileSize, relativePath, creationDate, latitudeNumber, longitudeNumber
FROM Images JOIN Albums ON Albums.id = Images.album
  LEFT JOIN ImageInformation ON ImageInformation.imageid = Images.id
  LEFT JOIN ImagePositions ON ImagePositions.imageid = Images.id
WHERE Images.status = ? ORDER BY Images.id"""


def is_digikam(path: Path) -> bool:
    """Return True for an SQLite file with the tables of digiKam."""
    with suppress(OSError, sqlite3.Error):
        with path.open("rb") as file:
            if file.read(len(_SIGNATURE)) != _SIGNATURE:
                return False
        with closing(_connect(path)) as connection:
            return _tables(connection) >= _SIGNIFICANT_TABLES
    return False


def read_catalog(path: Path) -> Iterator[CatalogEntry]:
    """Yield the files of a database, opened read-only. Raises MediaError for an unreadable file."""
    try:
        with closing(_connect(path)) as connection:
            if missing := _TABLES - _tables(connection):
                raise MediaError(f"{path.name}: the database of digiKam has no table {min(missing)}.")
            yield from _entries(connection)
    except sqlite3.Error as error:
        raise MediaError(f"{path.name}: the database of digiKam cannot be read ({error}).") from error


def _connect(path: Path) -> sqlite3.Connection:
    """Open an untrusted database: nothing in it is executed, and nothing is written beside it."""
    log = "" if path.with_name(f"{path.name}-wal").exists() else "&immutable=1"
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{log}", uri=True)
    connection.row_factory = sqlite3.Row
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _tables(connection: sqlite3.Connection) -> set[str]:
    """Return the names of tables with rows in the file: no views, which may never end, and no virtual tables."""
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0")
    return {row["name"] for row in rows}


def _entries(connection: sqlite3.Connection) -> Iterator[CatalogEntry]:
    tags, people = _tags(connection)
    of_image = _grouped(connection, "SELECT imageid, tagid FROM ImageTags")
    captions = _comments(connection, _CAPTION)
    titles = _comments(connection, _TITLE)
    for row in connection.execute(_IMAGES, (_VISIBLE,)):
        ids = of_image.get(row["id"], [])
        album = str(row["relativePath"] or "").rstrip("/").rpartition("/")[2]
        metadata = VideoMetadata.cleaned(
            title=titles.get(row["id"], ""),
            description=captions.get(row["id"], ""),
            tags=[part for tag in ids if tag in tags for part in tags[tag]],
            people=[people[tag] for tag in ids if tag in people],
            albums=[album] if album else [],
            recorded_at=_date(row["creationDate"]),
            location=_location(row),
        )
        name, size = str(row["name"]), row["fileSize"]
        yield CatalogEntry(name, (name,), size if isinstance(size, int) else None, SOURCE, metadata)


def _tags(connection: sqlite3.Connection) -> tuple[dict[int, list[str]], dict[int, str]]:
    """Return the parts of the paths of tags, and the names of people, by tag. Faces without a name are no people."""
    properties = _grouped(connection, "SELECT tagid, property FROM TagProperties")
    tags: dict[int, list[str]] = {}
    people: dict[int, str] = {}
    for row in connection.execute(_TAG_PATHS, (_INTERNAL_ROOT,)):
        of_tag = properties.get(row["id"], [])
        parts = str(row["path"]).split("/")
        if "person" in of_tag:
            people[row["id"]] = parts[-1]
        elif not any(str(name).endswith("Person") for name in of_tag):
            tags[row["id"]] = parts
    return tags, people


def _comments(connection: sqlite3.Connection, kind: int) -> Mapping[int, str]:
    """Return the comments of a type by image, in the default language of several."""
    rows = connection.execute(
        """SELECT imageid, comment FROM ImageComments WHERE type = ? AND comment IS NOT NULL
        ORDER BY language = 'x-default', id DESC""",
        (kind,),
    )
    return {row["imageid"]: str(row["comment"]) for row in rows}


def _grouped(connection: sqlite3.Connection, sql: str) -> dict[int, list[object]]:
    groups: dict[int, list[object]] = {}
    for key, value in connection.execute(sql):
        groups.setdefault(key, []).append(value)
    return groups


def _date(value: object) -> str | None:
    with suppress(ValueError):
        return datetime.fromisoformat(value).isoformat() if isinstance(value, str) else None
    return None


def _location(row: sqlite3.Row) -> GeoPoint | None:
    latitude, longitude = row["latitudeNumber"], row["longitudeNumber"]
    is_point = isinstance(latitude, int | float) and isinstance(longitude, int | float)
    return GeoPoint.checked(latitude, longitude) if is_point else None
