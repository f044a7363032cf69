"""Titles, people and tags of other programs: indexed with a video, refreshed, and separate from generated texts."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.media.metadata.test_metadata_files import NFO
from tests.media.metadata.test_xmp import PACKET
from tests.support import clips
from vidlocal.app.export.sidecars import plan_sidecars, write_sidecars
from vidlocal.enrich.workers.fast_pass import FastEngines
from vidlocal.ingest.outcome import Outcome
from vidlocal.ingest.run import IngestTools, ingest
from vidlocal.media import ffmpeg
from vidlocal.media.probe.prober import Prober
from vidlocal.records import Chapter, JobKind, Passage, PassageKind, Provenance, TagKind, Video, VideoTag
from vidlocal.search.run import search
from vidlocal.settings.sidecar_formats import SidecarFormat
from vidlocal.signals.screen_text import RapidOcr
from vidlocal.store.content import passages, understanding, videos
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock

Ingest = Callable[[], Outcome]


@pytest.fixture(scope="module")
def tools() -> Iterator[IngestTools]:
    tool = ffmpeg.find_ffmpeg(None)
    with Prober() as prober, RapidOcr() as reader:
        yield IngestTools(tool, prober, FastEngines(tool, prober, reader, None))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.scenes(tmp_path_factory.mktemp("film") / "a.mp4", seconds=2)


@pytest.fixture
def film(original: Path, tmp_path: Path) -> Path:
    path = tmp_path / "a.mp4"
    path.write_bytes(original.read_bytes())
    return path


@pytest.fixture
def ingest_film(library: Library, tools: IngestTools, film: Path) -> Iterator[Ingest]:
    def run() -> Outcome:
        (outcome,) = ingest(library, [film], tools, lock, every=2.0, later=True)
        return outcome

    with ProcessLock(library.folder) as lock:
        yield run


def user_texts(library: Library) -> list[str]:
    return [passage.text for passage in passages.of_video(library, 1, [PassageKind.METADATA])]


def tags(library: Library) -> set[tuple[str, str]]:
    return {(tag.kind, tag.tag) for tag in understanding.tags(library, 1)}


def video(library: Library) -> Video:
    (only,) = videos.every(library)
    return only


def understand(library: Library, *tags: str, summary: str = "A trip.") -> None:
    """Store tags and summary as a text model would."""
    grounds = tuple(passages.add(library, 1, [Passage(0.0, 1.0, PassageKind.SCENE, "A cake in a church.")]))
    model_tags = [VideoTag(TagKind.TAG, tag, grounds) for tag in tags]
    understanding.store_tags(library, 1, model_tags, event_type="trip", excitement=None)
    understanding.store_summary(
        library, 1, Chapter(0.0, 2.0, "", summary, grounds), [], Provenance("ollama", "phi", "1", "1")
    )


@pytest.mark.parametrize(
    "query", ["island", "tag:boat", 'tag:"anna muller"', "kind:metadata", "anna", "person:anna", "place:lisbon"]
)
def test_a_video_is_found_by_its_xmp(library: Library, film: Path, ingest_film: Ingest, query: str) -> None:
    film.with_name("a.mp4.xmp").write_text(PACKET)
    ingest_film()
    (moment,) = search(library, query).moments
    assert (moment.video_title, moment.start, moment.end) == ("At sea", 0.0, 2.0)


def test_date_place_and_camera_of_the_xmp_count_where_the_file_has_none(
    library: Library, film: Path, ingest_film: Ingest
) -> None:
    film.with_name("a.xmp").write_text(PACKET)
    ingest_film()
    assert video(library).recorded_at == "2023-07-14T15:30:12+01:00"
    assert video(library).camera == "DJI Mini 4"
    assert "Lisbon" in str(video(library).place)


def test_changed_metadata_is_read_again(library: Library, film: Path, ingest_film: Ingest) -> None:
    ingest_film()
    film.with_name("a.nfo").write_text(NFO)
    assert ingest_film().notes == ("a.mp4: titles, people and tags read again.",)
    assert ("person", "Tom") in tags(library)
    film.with_name("a.nfo").write_text(NFO.replace("Tom", "Tim"))
    ingest_film()
    assert ("person", "Tim") in tags(library)
    assert ("person", "Tom") not in tags(library)
    assert ingest_film().notes == ()


def test_a_place_that_is_added_later_is_read(library: Library, film: Path, ingest_film: Ingest) -> None:
    ingest_film()
    film.with_name("a.mp4.xmp").write_text(PACKET)
    ingest_film()
    assert "Lisbon" in str(video(library).place)


def test_metadata_of_a_deleted_file_goes(library: Library, film: Path, ingest_film: Ingest) -> None:
    film.with_name("a.nfo").write_text(NFO)
    ingest_film()
    film.with_name("a.nfo").unlink()
    ingest_film()
    assert user_texts(library) == []
    assert tags(library) == set()


def test_the_model_still_tags_a_video_and_keeps_the_tags_of_the_user(
    library: Library, film: Path, ingest_film: Ingest
) -> None:
    film.with_name("a.nfo").write_text(NFO)
    ingest_film()
    assert library.row("SELECT 1 FROM jobs WHERE kind = ?", JobKind.TAG) is not None
    understand(library, "cake")
    understand(library, "church")
    assert {("tag", "church"), ("tag", "dance"), ("person", "Tom")} <= tags(library)
    assert ("tag", "cake") not in tags(library)


def test_files_of_vidlocal_itself_change_nothing(library: Library, film: Path, ingest_film: Ingest) -> None:
    film.with_name("a.xmp").write_text(PACKET)
    ingest_film()
    understand(library, "cake")
    before = user_texts(library)
    write_sidecars(list(plan_sidecars(library, [video(library)], list(SidecarFormat))))
    assert film.with_name("a.mp4.xmp").exists()
    assert film.with_name("a.nfo").exists()
    assert ingest_film().notes == ()
    assert user_texts(library) == before


def test_of_a_file_of_vidlocal_that_another_program_rewrote_only_the_new_tags_are_of_the_user(
    library: Library, film: Path, ingest_film: Ingest
) -> None:
    film.with_name("a.nfo").write_text(NFO)
    ingest_film()
    understand(library, "cake")
    film.with_name("a.nfo").unlink()
    ingest_film()
    write_sidecars(list(plan_sidecars(library, [video(library)], [SidecarFormat.XMP])))
    own = film.with_name("a.mp4.xmp")
    own.write_text(own.read_text().replace("<rdf:li>cake</rdf:li>", "<rdf:li>cake</rdf:li><rdf:li>rain</rdf:li>"))
    ingest_film()
    assert user_texts(library) == ["rain."]


def test_a_damaged_file_beside_a_video_is_a_note(library: Library, film: Path, ingest_film: Ingest) -> None:
    film.with_name("a.mp4.xmp").write_text("<x:xmpmeta")
    outcome = ingest_film()
    assert outcome.notes == ("a.mp4.xmp: not valid XML.",)
    assert outcome.video is not None
