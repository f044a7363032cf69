import pytest

from vidlocal.moments import MAX_MOMENT_S, MERGE_GAP_S, VideoRef, group
from vidlocal.records import Hit, PassageKind

VIDEOS = {1: VideoRef("wedding", "/videos/wedding.mp4"), 2: VideoRef("beach", "/videos/beach.mp4")}


def hit(
    start: float,
    end: float,
    score: float = 0.5,
    *,
    video: int = 1,
    text: str = "",
    kind: PassageKind = PassageKind.SCENE,
) -> Hit:
    number = int(1000 * start + score * 100) + 1_000_000 * video
    return Hit(number, video, start, end, kind, text or f"text {number}", score)


def spans(*hits: Hit) -> list[tuple[float, float]]:
    return [(moment.start, moment.end) for moment in group(hits, VIDEOS, limit=50)]


def test_hits_closer_than_the_gap_become_one_moment() -> None:
    assert spans(hit(0, 5), hit(5 + MERGE_GAP_S, 12 + MERGE_GAP_S)) == [(0, 12 + MERGE_GAP_S)]


def test_hits_further_apart_than_the_gap_stay_apart() -> None:
    assert len(spans(hit(0, 5), hit(5.1 + MERGE_GAP_S, 12 + MERGE_GAP_S))) == 2


def test_hits_of_two_videos_never_merge() -> None:
    assert len(spans(hit(0, 5), hit(0, 5, video=2))) == 2


def test_the_best_hit_gives_score_and_text() -> None:
    (moment,) = group([hit(5, 10, 0.4, text="worse"), hit(0, 5, 0.6, text="best")], VIDEOS, limit=5)
    assert (moment.score, moment.text) == (0.6, "best")
    assert [hit.text for hit in moment.hits] == ["best", "worse"]
    assert (moment.video_id, moment.video_title, moment.video_path) == (1, "wedding", "/videos/wedding.mp4")


def test_matching_kinds_are_named_once_best_first() -> None:
    speech = hit(1, 2, 0.9, kind=PassageKind.SPEECH)
    (moment,) = group([hit(0, 5, 0.6), speech, hit(2, 3, 0.8, kind=PassageKind.SPEECH)], VIDEOS, limit=5)
    assert moment.kinds == (PassageKind.SPEECH, PassageKind.SCENE)


def test_moments_are_ranked_and_limited() -> None:
    hits = [hit(100.0 * n, 100.0 * n + 5, n / 20) for n in range(1, 20)]
    moments = group(hits, VIDEOS, limit=3)
    assert [moment.score for moment in moments] == [19 / 20, 18 / 20, 17 / 20]


def test_a_merged_moment_is_at_most_the_maximum_length() -> None:
    moments = group([hit(4.0 * n, 4.0 * n + 4, 0.5) for n in range(500)], VIDEOS, limit=500)
    assert max(moment.end - moment.start for moment in moments) <= MAX_MOMENT_S
    assert sum(len(moment.hits) for moment in moments) == 500


def test_a_passage_about_a_whole_video_does_not_absorb_its_moments() -> None:
    whole = hit(0, 3600, 0.9, kind=PassageKind.SUMMARY)
    assert spans(whole, hit(10, 15, 0.5), hit(700, 705, 0.4)) == [(0, 3600), (10, 15), (700, 705)]


def test_a_summary_of_a_better_moment_joins_it_without_extending_it() -> None:
    chapter = hit(0, 240, 0.8, kind=PassageKind.SUMMARY)
    (moment,) = group([hit(20, 40, 0.9), chapter], VIDEOS, limit=5)
    assert (moment.start, moment.end, moment.score) == (20, 40, 0.9)
    assert moment.kinds == (PassageKind.SCENE, PassageKind.SUMMARY)
    assert spans(hit(300, 310, 0.9), chapter) == [(300, 310), (0, 240)]


def test_a_weak_neighbour_does_not_extend_a_moment() -> None:
    assert spans(hit(10, 15, 0.9), hit(15, 20, 0.2))[0] == (10, 15)


def test_a_weak_hit_inside_belongs_to_the_moment() -> None:
    (moment,) = group([hit(10, 20, 0.9), hit(12, 14, 0.1)], VIDEOS, limit=5)
    assert len(moment.hits) == 2


def test_moments_with_a_duplicate_text_rank_lower() -> None:
    same = [hit(100.0 * n, 100.0 * n + 5, 0.8, text="A man stands in a room.") for n in range(5)]
    moments = group([*same, hit(900, 905, 0.7, text="A bride dances.")], VIDEOS, limit=10)
    assert [moment.text for moment in moments[:2]] == ["A man stands in a room.", "A bride dances."]
    assert len(moments) == 6


@pytest.mark.parametrize("text", ["", "...", "🎉"])
def test_texts_without_words_are_not_duplicates(text: str) -> None:
    assert len(group([hit(0, 1, text=text or " "), hit(100, 101, text=text or " ")], VIDEOS, limit=5)) == 2


def test_no_hits_give_no_moments() -> None:
    assert group([], {}, limit=5) == ()


def test_a_hit_in_a_photo_is_a_moment_without_length() -> None:
    assert spans(hit(0, 0)) == [(0, 0)]


def frame_hit(start: float, end: float, score: float, text: str = "") -> Hit:
    """A frame found by image search, with or without a description."""
    return Hit(None, 1, start, end, PassageKind.PICTURE, text, score, frame_id=int(start) + 1)


def test_a_frame_without_a_description_gets_the_text_of_the_moment() -> None:
    [moment] = group([frame_hit(0, 2, 0.9), hit(2, 4, 0.6, text="a dance")], VIDEOS, limit=5)
    assert (moment.text, moment.score, moment.kinds) == ("a dance", 0.9, (PassageKind.PICTURE, PassageKind.SCENE))


def test_a_weak_frame_hit_joins_a_text_moment_without_extending_it() -> None:
    text_hit = hit(5, 9, 0.9, text="a dance")
    [moment] = group([text_hit, frame_hit(0, 10, 0.3), frame_hit(10, 20, 0.3)], VIDEOS, limit=5)
    assert (moment.start, moment.end, len(moment.hits)) == (5, 9, 3)
    assert spans(frame_hit(0, 10, 0.9), frame_hit(10, 20, 0.3)) == [(0, 10), (10, 20)]


def test_frames_without_a_description_are_not_duplicates() -> None:
    moments = group([frame_hit(0, 2, 0.9), frame_hit(100, 102, 0.8)], VIDEOS, limit=5)
    assert [moment.score for moment in moments] == [0.9, 0.8]
