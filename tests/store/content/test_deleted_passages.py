from tests.support.text_videos import add_video
from vidlocal.records import Chapter, PassageKind, Provenance, TagKind
from vidlocal.store.content import deleted_passages, passages, understanding
from vidlocal.store.database import Library

BY = Provenance("ollama", "phi3.5", "0" * 64, "1")
TABLES = ("passages", "chapters", "grounds", "video_tags")


def rows(library: Library) -> dict[str, list[tuple[object, ...]]]:
    return {table: sorted(tuple(row) for row in library.rows(f"SELECT * FROM {table}")) for table in TABLES}


def summarised(library: Library) -> tuple[int, int]:
    """A video with a summary citing its only scene; their ids."""
    video_id, (scene,) = add_video(library, "wedding", ["the bride walks"])
    part = Chapter(0.0, 5.0, "Walk", "She walks.", (scene,), 0.5)
    understanding.store_summary(library, video_id, Chapter(0.0, 20.0, "All", "A wedding.", (scene,)), [part], BY)
    (summary, *_) = passages.of_video(library, video_id, [PassageKind.SUMMARY])
    with library.writing() as connection:
        connection.execute(
            "INSERT INTO video_tags (video_id, kind, tag, passage_id) VALUES (?, ?, 'bride', ?)",
            (video_id, TagKind.PERSON, summary.id),
        )
    return summary.id or 0, scene


def delete(library: Library, passage_id: int) -> None:
    passage = passages.get(library, passage_id)
    assert passage is not None
    passages.delete(library, passage)


def test_a_deleted_summary_comes_back_with_chapters_tags_and_citations(library: Library) -> None:
    summary, scene = summarised(library)
    before = rows(library)
    for passage_id in (summary, scene):
        copy = deleted_passages.copy_rows(library, passage_id)
        delete(library, passage_id)
        assert rows(library) != before
        deleted_passages.restore(library, copy)
        assert rows(library) == before


def test_a_citation_of_a_passage_that_is_gone_stays_away(library: Library) -> None:
    summary, scene = summarised(library)
    copy = deleted_passages.copy_rows(library, summary)
    delete(library, summary)
    delete(library, scene)
    deleted_passages.restore(library, copy)
    assert passages.get(library, summary) is not None
    assert not [row for row in library.rows("SELECT * FROM grounds") if row["passage_id"] == summary]
