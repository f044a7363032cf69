"""Notes cut into parts that a model can read."""

import random

from vidlocal.engines import prompt_escape
from vidlocal.enrich.workers import segments
from vidlocal.records import Passage, PassageKind


def said(start: float, text: str = "word " * 20, kind: PassageKind = PassageKind.SPEECH) -> Passage:
    return Passage(start, start + 2, kind, text, id=int(start * 10) + 1)


def test_a_part_lasts_about_two_minutes() -> None:
    parts = segments.cut([said(float(at), f"{at} steps") for at in range(0, 600, 20)], 600.0, room=2700)
    assert [(part.start, part.end) for part in parts] == [(120.0 * at, 120.0 * (at + 1)) for at in range(5)]
    assert sum(len(part.given) for part in parts) == 30


def test_a_long_film_has_no_more_than_48_parts() -> None:
    parts = segments.cut([said(float(at)) for at in range(0, 8 * 3600, 10)], 8 * 3600.0, room=2700)
    assert len(parts) == 48
    assert all(part.given for part in parts)


def test_parts_of_which_nothing_is_known_are_left_out() -> None:
    parts = segments.cut([said(10.0), said(1000.0)], 1200.0, room=2700)
    assert [part.number for part in parts] == [0, 8]
    assert segments.cut([], 1200.0, room=2700) == ()


def test_a_photo_and_a_passage_beyond_the_end_have_a_part() -> None:
    assert len(segments.cut([said(0.0)], 0.0, room=2700)) == 1
    assert len(segments.cut([said(5000.0)], 10.0, room=2700)) == 1


def test_what_does_not_fit_is_thinned_evenly() -> None:
    chance = random.Random(2)
    for room in (100, 300, 2700):
        for alphabet in ("abc def ", "плаття ", "結婚式"):
            given = [said(float(at), alphabet * chance.randrange(1, 60)) for at in range(200)]
            kept = segments.thinned(given, room=room)
            assert kept
            assert len(kept) == 1 or prompt_escape.tokens(prompt_escape.notes(kept, most=280)) <= room
            if len(kept) > 8:
                halves = sum(one.start < 100 for one in kept)
                assert 0.3 < halves / len(kept) < 0.7


def test_what_fits_is_kept_whole() -> None:
    given = [said(float(at), "I do.") for at in range(10)]
    assert segments.thinned(given, room=2700) == tuple(given)
    assert segments.thinned([], room=2700) == ()


def test_the_same_words_about_the_next_frame_are_said_once() -> None:
    scenes = [said(float(at), "A dog  sleeps.", PassageKind.SCENE) for at in range(5)]
    talk = said(2.5, "a dog sleeps.")
    assert segments.without_echoes([*scenes[:3], talk, *scenes[3:]]) == [scenes[0], talk]
