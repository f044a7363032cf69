"""Text recognition with the real RapidOCR."""

import io
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image, ImageDraw, ImageFont

from vidlocal.errors import MediaError, ToolError
from vidlocal.process import Worker
from vidlocal.signals.screen_text import OcrLine, RapidOcr, is_same_text, join_lines
from vidlocal.signals.screen_text_child import FrameReader
from vidlocal.signals.text_models import Pixels, Reading, TextDetector, TextRecognizer


@pytest.fixture(scope="module")
def reader() -> Iterator[RapidOcr]:
    with RapidOcr() as opened:
        yield opened


def jpeg_of(*texts: tuple[int, int, int, str], background: tuple[int, int, int] = (20, 30, 60)) -> bytes:
    """An image of 896 x 504 with texts, each as left, top, size, words."""
    image = Image.new("RGB", (896, 504), background)
    draw = ImageDraw.Draw(image)
    for left, top, size, words in texts:
        draw.text((left, top), words, font=ImageFont.load_default(size), fill=(240, 240, 230))
    packed = io.BytesIO()
    image.save(packed, "JPEG", quality=85)
    return packed.getvalue()


def line(text: str, *, score: float = 0.99, left: float = 0, top: float = 0, height: float = 20) -> OcrLine:
    return OcrLine(text, score, left, top, left + 100, top + height)


@pytest.mark.slow
def test_a_title_and_a_subtitle_are_read_from_top_to_bottom(reader: RapidOcr) -> None:
    screen_text = reader.read(jpeg_of((200, 430, 26, "welcome to our wedding"), (150, 120, 70, "Anna and Peter")))
    assert screen_text is not None
    assert screen_text.text == "Anna and Peter\nwelcome to our wedding"
    assert screen_text.score > 0.9
    assert screen_text.model


def test_small_print_is_read(reader: RapidOcr) -> None:
    screen_text = reader.read(jpeg_of((300, 300, 17, "camera operator: Maria Keller")))
    assert screen_text is not None
    assert "Maria Keller" in screen_text.text


@pytest.mark.slow
def test_a_line_as_wide_as_the_frame_is_read_whole(reader: RapidOcr) -> None:
    words = "the quick brown fox jumps over the lazy dog and runs along the river to the sea"
    screen_text = reader.read(jpeg_of((20, 440, 22, words)))
    assert screen_text is not None
    assert screen_text.text.replace(" ", "") == words.replace(" ", "")


@pytest.mark.slow
def test_a_page_of_small_print_is_read(reader: RapidOcr) -> None:
    lines = [f"Line {number} of the page tells what happened in the year {1900 + number}" for number in range(25)]
    screen_text = reader.read(jpeg_of(*((30 + 20 * (n % 2), 20 + 19 * n, 13, line) for n, line in enumerate(lines))))
    assert screen_text is not None
    words = screen_text.text.split()
    assert sum(str(1900 + number) in words for number in range(25)) >= 24


def test_text_that_is_turned_is_read(reader: RapidOcr) -> None:
    with Image.open(io.BytesIO(jpeg_of((250, 220, 44, "Grimsel Pass")))) as image:
        for angle in (8, -90):
            packed = io.BytesIO()
            image.rotate(angle, expand=angle == -90, fillcolor=(20, 30, 60)).save(packed, "JPEG", quality=85)
            screen_text = reader.read(packed.getvalue())
            assert screen_text is not None
            assert screen_text.text == "Grimsel Pass"


def test_a_word_of_a_line_changes_and_the_line_is_read_whole(reader: RapidOcr) -> None:
    for clock in ("12:41", "12:42"):
        screen_text = reader.read(jpeg_of((150, 400, 28, f"The train to Bern leaves at {clock}")))
        assert screen_text is not None
        assert screen_text.text == f"The train to Bern leaves at {clock}"


def test_a_clock_is_read_in_each_frame_and_unchanged_text_is_kept(reader: RapidOcr) -> None:
    texts = [reader.read(jpeg_of((60, 40, 40, "Platform"), (600, 400, 40, clock))) for clock in ("12:41", "12:42", "")]
    assert [text.text if text else None for text in texts] == ["Platform\n12:41", "Platform\n12:42", "Platform"]


def test_a_title_is_read_once_while_the_background_moves() -> None:
    class CountingRecognizer(TextRecognizer):
        lines_read = 0

        def read(self, line: Pixels) -> Reading:
            self.lines_read += 1
            return super().read(line)

    recognizer = CountingRecognizer(threads=1)
    reader = FrameReader(TextDetector(threads=1), recognizer)
    for offset in (0, 60, 120):
        background = (
            Image.linear_gradient("L")
            .resize((1100, 504))
            .rotate(90)
            .resize((1100, 504))
            .crop((offset, 0, offset + 896, 504))
        )
        image = background.point(lambda grey: grey // 2).convert("RGB")
        ImageDraw.Draw(image).text((200, 220), "A title over clouds", fill="white", font=ImageFont.load_default(48))
        assert [line.text for line in reader.read(image)] == ["A title over clouds"]
    assert recognizer.lines_read == 1


def test_frames_are_read_ahead(reader: RapidOcr) -> None:
    title, blank = jpeg_of((150, 120, 70, "Platform")), jpeg_of()
    reader.warm_up()
    reader.prefetch(title)
    reader.prefetch(blank)
    reader.prefetch(b"no picture")
    screen_text = reader.read(title)
    assert screen_text is not None
    assert screen_text.text == "Platform"
    assert reader.read(blank) is None
    for _ in range(2):
        with pytest.raises(MediaError, match="corrupt"):
            reader.read(b"no picture")
    reader.prefetch(title)
    reader.forget_prefetched()
    assert reader.read(title) == screen_text


def test_closing_ends_the_child_while_it_reads() -> None:
    others = set(psutil.Process().children())
    with RapidOcr() as opened:
        opened.read(jpeg_of())
        (child,) = set(psutil.Process().children()) - others
        for size in range(30, 60):
            opened.prefetch(jpeg_of((10, 10, size, "Platform"), (10, 300, size, "to Bern")))
    assert not child.is_running()


def test_a_blank_image_has_no_text(reader: RapidOcr) -> None:
    assert reader.read(jpeg_of()) is None


def test_a_corrupt_image_is_an_error_and_the_next_image_is_read(reader: RapidOcr) -> None:
    whole = jpeg_of((150, 120, 70, "Platform"))
    for damaged in (b"", b"no picture", whole[:2000]):
        with pytest.raises(MediaError, match="corrupt"):
            reader.read(damaged)
    screen_text = reader.read(whole)
    assert screen_text is not None
    assert screen_text.text == "Platform"


@pytest.mark.parametrize("size", [(1, 1), (896, 2), (2, 896)])
def test_a_sliver_has_no_text(reader: RapidOcr, size: tuple[int, int]) -> None:
    packed = io.BytesIO()
    Image.new("RGB", size, (255, 255, 255)).save(packed, "JPEG")
    assert reader.read(packed.getvalue()) is None


def test_the_leader_of_a_film_is_read(reader: RapidOcr, real_media: Path) -> None:
    import av

    with av.open(str(real_media / "Breakthrough+PySceneDetect" / "counter.mp4")) as container:
        picture = Image.fromarray(next(container.decode(video=0)).to_ndarray(format="rgb24"))
    picture.thumbnail((896, 896))
    packed = io.BytesIO()
    picture.save(packed, "JPEG", quality=85)
    screen_text = reader.read(packed.getvalue())
    assert screen_text is not None
    assert screen_text.text.startswith("Frame = 1")


def test_the_child_process_cannot_open_a_connection() -> None:
    with Worker("tests.support.connecting_child", name="the reader") as worker:
        for attempt in ("connect", "look up"):
            with pytest.raises(ToolError, match="blocked"):
                worker.call({"do": attempt}, timeout=60)


def test_lines_are_joined_in_reading_order() -> None:
    screen_text = join_lines(
        [
            line("right", left=300, top=12),
            line("below", left=10, top=60),
            line("left", left=10, top=10),
        ],
        model="m",
    )
    assert screen_text is not None
    assert screen_text.text == "left right\nbelow"


def test_uncertain_lines_and_single_characters_are_left_out() -> None:
    result = join_lines(
        [
            line("EXIT", score=0.97),
            line("foliage", score=0.55, top=40),
            line("OLE", score=0.75, top=50),
            line("1", score=0.78, top=80),
            line("...", score=0.99, top=120),
            line("7", score=0.99, top=160),
        ],
        model="m",
    )
    assert result is not None
    assert result.text == "EXIT\n7"


def test_unreliable_lines_give_no_text() -> None:
    assert join_lines([], model="m") is None
    assert join_lines([line("~", score=0.99), line("x", score=0.7)], model="m") is None
    assert join_lines([line("8", score=0.99)], model="m") is None


@pytest.mark.parametrize(
    ("text", "other", "expected"),
    [
        ("Anna and Peter", "Anna and Peter", True),
        ("Welcome to the wedding of Anna", "Welcome to the weddlng of Anna", True),
        ("Frame = 11", "Frame = 12", False),
        ("Platform 2", "Platform 2", True),
        ("Chapter one", "The end", False),
        ("", "EXIT", False),
    ],
)
def test_readings_of_the_same_text_are_recognized(text: str, other: str, expected: bool) -> None:
    assert is_same_text(text, other) is expected
