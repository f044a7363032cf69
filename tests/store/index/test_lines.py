"""Lines around a line."""

from tests.support.text_videos import KEY, add_video, random_rows
from vidlocal.records import Passage, PassageKind
from vidlocal.store.database import Library
from vidlocal.store.index import lines, vector_index


def add_talk(library: Library, count: int) -> list[int]:
    """A video with lines of speech without pauses. Returns their ids."""
    said = [Passage(4.0 * number, 4.0 * number + 4, PassageKind.SPEECH, f"line {number}") for number in range(count)]
    return add_video(library, f"talk of {count}", said)[1]


def test_lines_around_the_first_middle_and_last_line_are_chains(library: Library) -> None:
    ids = add_talk(library, 9)
    chains = list(lines.chains(library, [ids[0], ids[4], ids[8]]))
    assert [[row["id"] for row in chain] for chain in chains] == [ids[:3], ids[2:7], ids[6:]]


def steps_of(library: Library, centre: int) -> int:
    """Count the steps of SQLite, in tens, for the neighbours of a line and a vector search around a line."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    library.connection.set_progress_handler(count, 10)
    list(lines.chains(library, [centre]))
    vector_index._lines_around(library, [centre], ())
    vector_index._neighbour_cosines(library, KEY, random_rows(1)[0], [centre])
    library.connection.set_progress_handler(None, 0)
    return steps


def test_lines_around_a_line_cost_the_same_in_a_long_film(library: Library) -> None:
    short, long = add_talk(library, 9), add_talk(library, 2000)
    assert steps_of(library, long[1000]) <= steps_of(library, short[4]) + 1
