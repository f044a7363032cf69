import io
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType

from vidlocal.explanations import FrameExplanation, PassageExplanation, SecondLook
from vidlocal.moments import VideoRef
from vidlocal.records import Cluster, Frame, Hit, Moment, Occurrence, PassageKind
from vidlocal.render import table
from vidlocal.render.highlight import query_words

LONG = "wedding-of-anna-and-josé-2019-06-14-church-camera-2-uncut-master"


def moment(title: str, text: str, *kinds: PassageKind, start: float = 12.0) -> Moment:
    return Moment(1, title, f"/videos/{title}.mp4", start, start + 12.0, 0.92, kinds, text, ())


MOMENTS = [
    moment(LONG, "The bride walks down the aisle. " * 20, PassageKind.SCENE, PassageKind.SPEECH),
    moment("rushes", "the [/red] bride :smile: \x1b[2J", PassageKind.SUBTITLE, start=36_000.0),
    moment("結婚式のビデオ" * 9, "花嫁が通路を歩いています。" * 20, *PassageKind),
]


def render(drawing: RenderableType, width: int, *, colour: bool = False) -> str:
    file = io.StringIO()
    Console(file=file, width=width, markup=False, emoji=False, highlight=False, force_terminal=colour).print(drawing)
    return file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 140, 300])
def test_moments_fit_every_width_and_take_at_most_four_lines_each(width: int) -> None:
    lines = render(table.moments(MOMENTS, query_words("bride 花嫁"), width=width), width).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert len(lines) <= 1 + 4 * len(MOMENTS)


def test_a_moment_shows_rank_title_time_score_kinds_and_text() -> None:
    lines = render(table.moments(MOMENTS[1:2], (), width=80), 80).splitlines()
    assert lines[1].split() == ["1", "rushes", "10:00:00", "to", "10:00:12", "0.92", "subtitle"]
    assert lines[2].strip() == "the [/red] bride :smile: \ufffd[2J"


def test_videos_with_the_same_title_are_told_apart_by_file_and_folder() -> None:
    paths = ["/a/speech.mp3", "/a/speech.wav", "/card 1/GX01.MP4", "/card 2/GX01.MP4", "/b/other.mp4"]
    titles = ["speech", "speech", "GX01", "GX01", "other"]
    results = [
        replace(moment(title, "hello"), video_id=number, video_path=path)
        for number, (title, path) in enumerate(zip(titles, paths, strict=True))
    ]
    lines = render(table.moments([*results, results[4]], (), width=80), 80).splitlines()[1::2]
    shown = [line[3:].partition("  ")[0] for line in lines]
    assert shown == ["speech.mp3", "speech.wav", "card 1/GX01.MP4", "card 2/GX01.MP4", "other", "other"]


@pytest.mark.parametrize("width", [40, 80])
def test_the_speaker_stands_before_the_text(width: int) -> None:
    text = "A toast to the bride. " * 9
    hits = [Hit(1, 1, 12.0, 24.0, PassageKind.SPEECH, text, 0.9, speaker="Aunt Mary \x1b[2J of the long family name")]
    said = replace(moment("rushes", text, PassageKind.SPEECH), hits=tuple(hits))
    lines = render(table.moments([said], query_words("bride"), width=width), width, colour=True)
    plain = render(table.moments([said], query_words("bride"), width=width), width).splitlines()
    assert "\x1b[1mAunt Mary" in lines
    assert "\x1b[2J" not in lines
    assert max(map(cell_len, plain)) <= width
    assert len(plain) <= 6


def test_the_words_of_the_query_are_highlighted() -> None:
    output = render(table.moments(MOMENTS[:1], query_words("aisles"), width=80), 80, colour=True)
    assert "\x1b[1;4maisle\x1b[0m" in output


def test_a_long_title_is_shortened_in_the_middle() -> None:
    short = table.shorten(LONG, 20)
    assert cell_len(short) <= 20
    assert short.startswith("wedding")
    assert short.endswith("master")


@pytest.mark.parametrize("cells", range(5, 30))
def test_a_title_of_wide_characters_is_shortened_by_columns(cells: int) -> None:
    assert cell_len(table.shorten("結婚式のビデオ" * 9, cells)) <= cells
    assert cell_len(table.shorten("結婚式のビデオ" * 9, cells, fill=True)) == cells


@pytest.mark.parametrize(
    ("value", "output"), [(0.0, "0.00"), (0.05, "0.05"), (0.924, "0.92"), (1.0, "1.00"), (7.0, "1.00")]
)
def test_a_score_has_two_decimals(value: float, output: str) -> None:
    assert table.format_score(value) == output


def test_explanations_follow_their_moment() -> None:
    hits = tuple(Hit(number, 1, 1.0, 2.0, PassageKind.SCENE, "x", 0.5) for number in (1, 2, 3))
    result = Moment(1, "a", "/a.mp4", 1.0, 2.0, 0.5, (PassageKind.SCENE,), "x", hits)
    explanations = {
        1: PassageExplanation(1, 0.5, 0.71, 3, 0.412, 4.2, 4.2),
        2: PassageExplanation(2, 0.4, 0.51, None, None, None, 1.5),
    }
    looks = {result: SecondLook(61.0, True, "a cake \x1b[2J")}
    output = render(table.moments([result], (), width=100, explanations=explanations, second_looks=looks), 100)
    assert "words #1, coverage 0.50, weight 0.71; vectors #3, cosine 0.412, z 4.20" in output
    assert "words #2, coverage 0.40, weight 0.51; no vector, weighted as z 1.50" in output
    assert "filter or tag" in output
    assert "seen: yes. a cake \ufffd[2J (1:01)" in output


def test_a_frame_without_a_caption_is_marked_as_an_image_match() -> None:
    hit = Hit(None, 1, 1.0, 2.0, PassageKind.PICTURE, "", 0.5, frame_id=7)
    result = Moment(1, "a", "/a.mp4", 1.0, 2.0, 0.5, (PassageKind.PICTURE,), "", (hit,))
    output = render(
        table.moments([result], (), width=100, explanations={hit.key: FrameExplanation(2, 0.2871, 4.123)}), 100
    )
    assert "image match, no caption yet" in output
    assert "images #2, cosine 0.287, z 4.12" in output


def test_moments_without_hits_have_no_column_found_in() -> None:
    result = Moment(1, "a" * 90, "/a.mp4", 1.0, 2.0, 0.5, (), "", ())
    lines = render(table.moments([result], (), width=60), 60).splitlines()
    assert [line.split()[-1] for line in lines if line.strip()] == ["score", "0.50"]


@pytest.mark.parametrize("width", [40, 60, 80, 140])
def test_clusters_fit_every_width_and_list_their_occurrences(width: int) -> None:
    takes = tuple(Occurrence(video, 100.0 * n, 100.0 * n + 20, 2) for video in range(1, 8) for n in range(6))
    groups = [Cluster(Frame(1, 1, 3725.0, 0, "x"), 84, takes), Cluster(Frame(2, 9, 0.0, 0, "x"), 2, takes[:1])]
    videos = {video: VideoRef(f"{video} {LONG} \x1b[2J", "/x") for video in range(1, 8)}
    output = render(table.clusters(groups, videos, width=width), width)
    assert all(cell_len(line) <= width for line in output.splitlines())
    assert "\x1b" not in output
    assert "1:02:05" in output
    assert "0:00 to 0:20" in output
    assert "and 3 more videos" in output
    assert "?" in output  # a video that was removed meanwhile


@pytest.mark.parametrize("width", [40, 80, 140])
def test_moments_without_a_good_match_are_called_nearest(width: int) -> None:
    lines = render(table.moments(MOMENTS, (), width=width, is_confident=False), width).splitlines()
    assert lines[0].strip() == "Nearest matches"
    assert lines[1:] == render(table.moments(MOMENTS, (), width=width), width).splitlines()


def test_judgement_is_shown_with_the_explanation() -> None:
    judged = {MOMENTS[0]: 0.934}
    assert "judged: 93%" in render(table.moments(MOMENTS, (), width=80, judged=judged, explanations={}), 80)
    assert "judged" not in render(table.moments(MOMENTS, (), width=80, judged=judged), 80)
