import json
from pathlib import Path

from vidlocal.model_answers import SceneAnswer, Section, SectionAnswer
from vidlocal.records import (
    Chapter,
    FileStamp,
    FrameDraft,
    JobKind,
    JobState,
    MediaKind,
    Passage,
    PassageKind,
    Probe,
    Provenance,
    TagKind,
)
from vidlocal.store.content import frames, passages, telemetry, understanding, videos
from vidlocal.store.database import Library
from vidlocal.store.exchange.export_rows import lines
from vidlocal.store.exchange.import_rows import Importer, placeholder_hash
from vidlocal.store.queue import jobs
from vidlocal.telemetry import Reading

BY = Provenance("ollama", "llava:7b", "0" * 64, "1")
HASH = "ab" * 32


def wedding(library: Library) -> int:
    """A video with rows in every table."""
    video_id = videos.add(
        library,
        content_hash=HASH,
        path=Path("/videos/caf\udce9 wedding.mp4"),
        stamp=FileStamp(1_000, 1, 1),
        probe=Probe(kind=MediaKind.VIDEO, duration=20.0, width_px=640, height_px=360, video_codec="h264"),
        frame_drafts=[
            FrameDraft(0.0, 0, f"frames/{HASH}/000000.jpg", (1 << 64) - 1, rank=0),
            FrameDraft(2.0, 0, None, 0, same_as=0),
        ],
        text_passages=[Passage(4.0, 7.5, PassageKind.SPEECH, "the bride walks", "en", "whisper", "base")],
        plan=[],
    )
    frame = frames.of_video(library, video_id)[0]
    frames.store_scene(library, frame, SceneAnswer("A bride.", tags=("dance",), setting="church"), BY, visible=False)
    cited = passages.of_video(library, video_id)[0].id or 0
    whole = Chapter(0.0, 20.0, "All", "A wedding.", (cited,))
    part = Chapter(0.0, 9.0, "Walk", "She walks.", (cited,), 0.5)
    understanding.store_summary(library, video_id, whole, [part], BY)
    answer = SectionAnswer("Walk", "She walks.", (cited,), ((TagKind.PERSON, "bride"),))
    understanding.store_section(library, video_id, Section(0, 0.0, 20.0, "f", answer), BY)
    telemetry.replace(library, video_id, [Reading(3.0, {"iso": "100", "clock": "12:00:01"})])
    with library.writing() as connection:
        connection.execute("INSERT INTO video_tags VALUES (7, ?, 'person', 'bride', ?)", (video_id, cited))
        connection.execute("INSERT INTO vocabulary (form, tag) VALUES ('brides', 'bride')")
    return video_id


def exported(library: Library) -> list[dict[str, object]]:
    return [json.loads(json.dumps(line)) for line in lines(library, videos.every(library), with_vocabulary=True)]


def imported(library: Library, *lines_: object) -> tuple[Importer, list[tuple[int, str]]]:
    importer = Importer(library)
    bad = importer.import_lines(list(enumerate(lines_, 1)))
    importer.finish()
    return importer, bad


def test_export_and_import_lose_nothing(library: Library, tmp_path: Path) -> None:
    wedding(library)
    out = exported(library)
    assert {line["type"] for line in out} == {"video", "frame", "passage", "section", "reading", "word"}
    with Library.open(tmp_path / "other", create=True) as other:
        # Other ids than in the library of origin.
        imported(other, {"type": "video", "name": "x", "duration": 1})
        imported(other, {"type": "passage", "video": "x", "kind": "note", "start": 0, "end": 1, "text": "n"})
        _, bad = imported(other, *out)
        assert not bad
        assert exported(other)[2:] == out
        assert [video.content_hash for video in videos.every(other)][1:] == [HASH]
        imported(other, *out)
        assert exported(other)[2:] == out


def test_frames_of_an_older_export_may_have_measured_facts(library: Library) -> None:
    facts = {"brightness": 0.5, "colours": [{"name": "red", "hex": "#c81e28", "share": 1.0}], "setting": "church"}
    video = {"type": "video", "name": "v", "duration": 9}
    _, bad = imported(library, video, {"type": "frame", "video": "v", "time": 0.0, "facts": facts})
    assert not bad
    (frame,) = [line for line in exported(library) if line["type"] == "frame"]
    assert frame["facts"] == facts


def test_a_video_is_identified_by_its_name_alone_and_its_text_is_queued_for_embedding(library: Library) -> None:
    video = {"type": "video", "name": "v1", "duration": 55.2}
    row = {"type": "passage", "video": "v1", "kind": "scene", "start": 0.3, "end": 55.1, "text": "A dance."}
    first, _ = imported(library, video, row, row)
    assert (first.videos, first.passages, first.existing) == (1, 1, 1)
    again, _ = imported(library, video, row)
    assert (again.videos, again.passages, again.existing) == (0, 0, 1)
    (stored,) = videos.every(library)
    assert (stored.title, stored.duration, stored.content_hash) == ("v1", 55.2, placeholder_hash("v1"))
    assert jobs.counts(library) == {(JobKind.EMBED, JobState.QUEUED): 1}


def test_a_video_known_by_name_gets_its_hash(library: Library) -> None:
    imported(library, {"type": "video", "name": "v1", "duration": 5})
    imported(library, {"type": "video", "name": "v1", "duration": 5, "content_hash": HASH})
    assert [video.content_hash for video in videos.every(library)] == [HASH]


def test_lines_about_a_video_of_the_library_find_it_by_its_title(library: Library) -> None:
    video_id = wedding(library)
    title = videos.every(library)[0].title
    row = {"type": "passage", "video": title, "kind": "note", "start": 1, "end": 2, "text": "This is Anna."}
    imported(library, {"type": "video", "name": title, "duration": 20.4}, row)
    assert [passage.text for passage in passages.of_video(library, video_id, [PassageKind.NOTE])] == ["This is Anna."]
    assert len(videos.every(library)) == 1


def test_bad_lines_are_reported_and_the_others_imported(library: Library) -> None:
    good = {"type": "passage", "video": "v", "kind": "scene", "start": 0, "end": 1, "text": "t"}
    bad_ones: list[object] = [
        None,
        [],
        {"type": "film"},
        {"type": "video", "name": "w"},
        {"type": "video", "name": "w", "duration": float("nan")},
        {"type": "video", "name": "w", "duration": 1, "content_hash": "../../etc"},
        {**good, "video": "unheard of"},
        {**good, "kind": "song"},
        {**good, "start": 2},
        {**good, "start": -1},
        {**good, "end": 10**400},
        {**good, "end": True},
        {**good, "text": "  "},
        {**good, "tags": [["tag"]]},
        {"type": "frame", "video": "v", "time": 1, "same_as": 0.5},
        {"type": "frame", "video": "v", "time": 1, "picture": "../../x.jpg"},
        {"type": "section", "video": "v", "answer": {}},
        {"type": "reading", "video": "v", "time": 1, "values": [1]},
    ]
    importer, bad = imported(library, {"type": "video", "name": "v", "duration": 1}, *bad_ones, good)
    assert [number for number, _ in bad] == list(range(2, 2 + len(bad_ones)))
    assert all(reason for _, reason in bad)
    assert (importer.videos, importer.passages) == (1, 1)


def test_a_name_is_never_a_path(library: Library, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    imported(library, {"type": "video", "name": "../../precious", "duration": 1, "path": "a\0b"})
    videos.remove(library, videos.every(library)[0].id)
    assert (tmp_path / "precious").is_dir()


def test_text_invalid_for_sqlite_is_replaced(library: Library) -> None:
    row = {"type": "passage", "video": "v", "kind": "scene", "start": 0, "end": 1, "text": "a\0b\ud800", "model": "m"}
    imported(library, {"type": "video", "name": "v\ud800", "duration": 1}, {**row, "video": "v\ud800"})
    (video,) = videos.every(library)
    assert passages.of_video(library, video.id)[0].text == "a\ufffdb?"
