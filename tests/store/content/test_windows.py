import numpy as np

from tests.support.text_videos import KEY, add_video, random_rows
from vidlocal.records import Passage, PassageKind
from vidlocal.store.content import passages, windows
from vidlocal.store.database import Library

NINE_WORDS = "one two three four five six seven eight nine"


def say(library: Library, count: int, text: str = NINE_WORDS, kind: PassageKind = PassageKind.SPEECH) -> list[int]:
    lines = [Passage(4.0 * number, 4.0 * number + 4, kind, text) for number in range(count)]
    return add_video(library, f"talk {text} {kind}", lines)[1]


def outstanding(library: Library) -> list[windows.Window]:
    return [window for window, _ in windows.outstanding(library, 1, KEY, limit=100)]


def embed_all(library: Library) -> None:
    spans = outstanding(library)
    windows.store_vectors(library, KEY, spans, random_rows(len(spans)))


def test_windows_of_sixty_words_overlap_by_half(library: Library) -> None:
    first = say(library, 20)[0]
    assert [(start - first, end - first) for start, end in outstanding(library)] == [
        (0, 6),
        (4, 10),
        (8, 14),
        (12, 18),
        (16, 19),
    ]


def test_text_of_a_window_is_that_of_its_lines(library: Library) -> None:
    say(library, 2, "Hello there.")
    ((_, text),) = windows.outstanding(library, 1, KEY, limit=1)
    assert text == "Hello there. Hello there."


def test_captions_and_long_lines_have_no_windows(library: Library) -> None:
    say(library, 5, kind=PassageKind.SCENE)
    assert outstanding(library) == []
    add_video(library, "lecture", [Passage(0.0, 60.0, PassageKind.SPEECH, 8 * NINE_WORDS)] * 3)
    assert windows.outstanding(library, 2, KEY, limit=100) == []


def test_pause_ends_a_window(library: Library) -> None:
    times = (0.0, 4.0, 100.0, 104.0)
    _, ids = add_video(library, "talk", [Passage(time, time + 4, PassageKind.SPEECH, "yes") for time in times])
    assert outstanding(library) == [(ids[0], ids[1]), (ids[2], ids[3])]


def test_two_characters_of_a_script_without_spaces_count_as_a_word(library: Library) -> None:
    say(library, 40, "我们全家去拍全家福照片了我们全家去拍全家福照片了")
    start, end = outstanding(library)[0]
    assert end - start + 1 == 5


def test_nothing_is_outstanding_once_stored(library: Library) -> None:
    say(library, 20)
    embed_all(library)
    assert outstanding(library) == []
    assert library.number("SELECT count(*) FROM windows") == 5


def test_changed_or_deleted_line_drops_its_windows(library: Library) -> None:
    ids = say(library, 20)
    embed_all(library)
    line = passages.get(library, ids[5])
    assert line is not None
    passages.rewrite(library, line, "something else")
    assert library.number("SELECT count(*) FROM windows") == 3
    line = passages.get(library, ids[15])
    assert line is not None
    passages.delete(library, line)
    assert library.number("SELECT count(*) FROM windows") == 2


def test_redone_transcript_drops_all_windows(library: Library) -> None:
    say(library, 20)
    embed_all(library)
    passages.delete_of_kind(library, 1, PassageKind.SPEECH)
    assert library.number("SELECT count(*) FROM windows") == 0


def test_windows_follow_lines_that_are_added(library: Library) -> None:
    video_id, _ = add_video(
        library, "talk", [Passage(0.0, 4.0, PassageKind.SPEECH, "a"), Passage(4.0, 8.0, PassageKind.SPEECH, "b")]
    )
    embed_all(library)
    passages.add(library, video_id, [Passage(8.0, 12.0, PassageKind.SPEECH, "c")])
    ((_, text),) = windows.outstanding(library, video_id, KEY, limit=9)
    assert text == "a b c"
    assert library.number("SELECT count(*) FROM windows") == 0


def test_window_of_a_deleted_line_is_not_stored(library: Library) -> None:
    ids = say(library, 2)
    library.connection.execute("DELETE FROM passages WHERE id = ?", (ids[1],))
    windows.store_vectors(library, KEY, [(ids[0], ids[1])], np.eye(1, 4, dtype=np.float32))
    assert library.number("SELECT count(*) FROM windows") == 0
