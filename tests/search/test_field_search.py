import pytest

from tests.support.text_videos import add_video
from vidlocal.records import PassageKind
from vidlocal.search.run import search
from vidlocal.store.database import Library


def tag(library: Library, passage_id: int, *tags: str) -> None:
    with library.writing() as connection:
        for name in tags:
            connection.execute(
                """INSERT INTO video_tags (video_id, kind, tag, passage_id)
                SELECT video_id, 'keyword', ?, id FROM passages WHERE id = ?""",
                (name, passage_id),
            )


@pytest.fixture
def tagged(library: Library) -> list[int]:
    _, ids = add_video(library, "party", ["The bride twirls with her father.", "Rain falls.", "A cake is cut."])
    tag(library, ids[0], "ceremony", "first dance")
    return ids


def found(library: Library, query: str, **more: object) -> list[tuple[str, tuple[PassageKind, ...]]]:
    return [(moment.text, moment.kinds) for moment in search(library, query, **more).moments]  # type: ignore[arg-type]


@pytest.mark.parametrize("query", ["ceremony", "Ceremony", "first dance"])
def test_tag_finds_its_moment(library: Library, tagged: list[int], query: str) -> None:
    assert found(library, query)[0][0] == "The bride twirls with her father."


def test_every_word_needs_a_tag(library: Library, tagged: list[int]) -> None:
    assert found(library, "ceremony zeppelin") == []


def test_moments_by_text_come_first_then_tags_then_titles(library: Library, tagged: list[int]) -> None:
    add_video(library, "church", ["The ceremony is long."])
    add_video(library, "ceremony", ["Nothing else happens here."])
    moments = search(library, "ceremony").moments
    assert [moment.video_title for moment in moments] == ["church", "party", "ceremony"]
    assert [moment.score for moment in moments] == sorted((moment.score for moment in moments), reverse=True)
    assert moments[1].score <= 0.3
    assert moments[2].kinds == (PassageKind.TITLE,)


def test_tagged_moment_found_by_its_text_is_listed_once(library: Library, tagged: list[int]) -> None:
    tag(library, tagged[2], "cake")
    assert len(search(library, "cake").moments) == 1


def test_filters_hold_for_tags(library: Library, tagged: list[int]) -> None:
    assert found(library, "ceremony kind:speech") == []
    assert found(library, "ceremony -twirls -rain") == []
