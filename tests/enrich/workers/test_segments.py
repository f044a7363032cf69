"""Segments of a video within the context of a text model."""

import random

from vidlocal.engines.prompts import prompt_escape
from vidlocal.enrich.workers import segments
from vidlocal.records import Passage, PassageKind


def said(start: float, text: str = "word " * 20, kind: PassageKind = PassageKind.SPEECH) -> Passage:
    return Passage(start, start + 2, kind, text, id=int(start * 10) + 1)


def test_a_segment_lasts_about_two_minutes() -> None:
    cut_segments = segments.cut([said(float(at), f"{at} steps") for at in range(0, 600, 20)], 600.0, room=2700)
    assert [(segment.start, segment.end) for segment in cut_segments] == [
        (120.0 * at, 120.0 * (at + 1)) for at in range(5)
    ]
    assert sum(len(segment.passages) for segment in cut_segments) == 30


def test_a_long_film_has_no_more_than_48_segments() -> None:
    cut_segments = segments.cut([said(float(at)) for at in range(0, 8 * 3600, 10)], 8 * 3600.0, room=2700)
    assert len(cut_segments) == 48
    assert all(segment.passages for segment in cut_segments)


def test_empty_segments_are_dropped() -> None:
    cut_segments = segments.cut([said(10.0), said(1000.0)], 1200.0, room=2700)
    assert [segment.number for segment in cut_segments] == [0, 8]
    assert segments.cut([], 1200.0, room=2700) == ()


def test_a_photo_and_a_passage_beyond_the_end_have_a_segment() -> None:
    assert len(segments.cut([said(0.0)], 0.0, room=2700)) == 1
    assert len(segments.cut([said(5000.0)], 10.0, room=2700)) == 1


def test_passages_beyond_the_room_are_thinned_evenly() -> None:
    chance = random.Random(2)
    for room in (100, 300, 2700):
        for alphabet in ("abc def ", "плаття ", "結婚式"):
            given = [said(float(at), alphabet * chance.randrange(1, 60)) for at in range(200)]
            thinned = segments.thin_out(given, room=room)
            assert thinned
            assert (
                len(thinned) == 1
                or prompt_escape.estimate_tokens(prompt_escape.format_notes(thinned, max_chars=280)) <= room
            )
            if len(thinned) > 8:
                halves = sum(passage.start < 100 for passage in thinned)
                assert 0.3 < halves / len(thinned) < 0.7


def test_fitting_passages_are_all_kept() -> None:
    given = [said(float(at), "I do.") for at in range(10)]
    assert segments.thin_out(given, room=2700) == tuple(given)
    assert segments.thin_out([], room=2700) == ()


def test_a_repeated_description_is_dropped() -> None:
    scenes = [said(float(at), "A dog  sleeps.", PassageKind.SCENE) for at in range(5)]
    talk = said(2.5, "a dog sleeps.")
    assert segments.without_repeats([*scenes[:3], talk, *scenes[3:]]) == [scenes[0], talk]
