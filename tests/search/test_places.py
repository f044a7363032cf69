"""`place:`, `near:` and `camera:`, and videos without any text."""

from pathlib import Path

import pytest

from vidlocal.geography import GeoPoint
from vidlocal.media.metadata.cities import find_place
from vidlocal.records import FileStamp, MediaKind, Passage, PassageKind, Probe, TagKind, VideoTag
from vidlocal.search.run import search
from vidlocal.store.content import passages, understanding, videos
from vidlocal.store.database import Library


def add(library: Library, title: str, point: GeoPoint | None) -> int:
    return videos.add(
        library,
        content_hash=title,
        path=Path(f"/{title}.mp4"),
        stamp=FileStamp(1, 2, 3),
        probe=Probe(kind=MediaKind.VIDEO, duration=10.0, place=find_place(point) if point else None),
        frame_drafts=[],
        text_passages=[Passage(0.0, 5.0, PassageKind.SPEECH, f"We dance in {title}.")],
        plan=[],
    )


@pytest.fixture
def holidays(library: Library) -> Library:
    add(library, "tram", GeoPoint(38.7139, -9.1394))
    add(library, "bridge", GeoPoint(41.1455, -8.6109))
    add(library, "museum", GeoPoint(40.7794, -73.9632))
    beach = add(library, "home", None)
    (passage,) = passages.of_video(library, beach)
    assert passage.id is not None
    tag = VideoTag(TagKind.PLACE, "beach", (passage.id,))
    understanding.store_tags(library, beach, [tag], event_type="", excitement=None)
    return library


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("place:lisbon", {"tram"}),
        ("place:Lisboa dance", {"tram"}),
        ("place:LISSABON", {"tram"}),
        ("place:portugal", {"tram", "bridge"}),
        ('place:"new york"', {"museum"}),
        ("place:lisbon place:porto", {"tram", "bridge"}),
        ("place:beach", {"home"}),
        ("near:38.7,-9.1,20km", {"tram"}),
        ("near:38.7,-9.1", {"tram"}),
        ("near:40.0,-8.9,200", {"tram", "bridge"}),
        ("place:lis", set()),
        ("place:lisbon near:41.1,-8.6", set()),
    ],
)
def test_videos_are_found_by_their_place(holidays: Library, query: str, titles: set[str]) -> None:
    assert {moment.video_title for moment in search(holidays, query).moments} == titles


def test_an_unknown_place_is_named(holidays: Library) -> None:
    assert search(holidays, "place:atlantis").notice == "No video was recorded at 'atlantis'."


def test_an_invalid_point_is_searched_as_words(holidays: Library) -> None:
    notice = search(holidays, "near:lisbon dance").notice
    assert notice is not None
    assert "because lisbon is not a point and a distance, such as 38.7,-9.1,20km" in notice


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("camera:iphone", {"tram", "surf"}),
        ('camera:"HERO 12"', {"dive"}),
        ("camera:iphone camera:gopro after:2023-06", {"surf", "dive"}),
        ("camera:iphone dance", {"tram"}),
        ("camera:apple kind:speech", {"tram"}),
        ("before:2023-06", {"tram"}),
        ("time:06:00-07:00", {"dive"}),
        ("surf after:2023-06", {"surf"}),
        ("tram after:2023-06", set()),
        ("camera:sony", set()),
    ],
)
def test_videos_are_found_by_their_camera_and_date_also_without_text(
    library: Library, query: str, titles: set[str]
) -> None:
    recordings = {
        "tram": ("Apple iPhone 15", "2023-05-01", [Passage(0.0, 5.0, PassageKind.SPEECH, "We dance.")]),
        "surf": ("Apple iPhone 12 mini", "2023-07-01", []),
        "dive": ("GoPro HERO 12", "2023-07-02T06:30:00", []),
    }
    for title, (camera, recorded_at, texts) in recordings.items():
        videos.add(
            library,
            content_hash=title,
            path=Path(f"/{title}.mp4"),
            stamp=FileStamp(1, 2, 3),
            probe=Probe(kind=MediaKind.VIDEO, duration=10.0, camera=camera, recorded_at=recorded_at),
            frame_drafts=[],
            text_passages=texts,
            plan=[],
        )
    assert {moment.video_title for moment in search(library, query).moments} == titles


def test_an_unknown_camera_is_named(holidays: Library) -> None:
    assert search(holidays, "camera:sony").notice == "No video was recorded with 'sony'."
