"""Recall and cost of OCR, against RapidOCR on whole frames.

    PYTHONPATH=. python benchmarks/screen_text.py [--media FOLDER] [--font FILE] [--save FOLDER]

Draws slides, titles, signs, subtitles and pages of several sizes, contrasts and scripts on flat, noisy and filmed
backgrounds, and reads each frame in both ways, in one thread. Frames without text come from the same
backgrounds. --media adds frames of the videos in a folder as backgrounds, --font draws Japanese with a font that has
it.
"""

import argparse
import io
import random
import statistics
import subprocess
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from multiprocessing import get_context
from pathlib import Path

import rapidocr
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

from vidlocal.media.ffmpeg import find_ffmpeg
from vidlocal.signals import screen_text_child as child
from vidlocal.signals.screen_text import OcrLine, join_lines
from vidlocal.signals.text_models import TextDetector, TextRecognizer, as_bgr, model_path

SIZE = (896, 504)
NOISE = (
    "mandelbrot=size=896x504:rate=1",
    "testsrc2=size=896x504:rate=1",
    "life=size=896x504:ratio=0.1:rate=1:mold=9",
    "gradients=size=896x504:rate=1:seed=4",
    "cellauto=size=896x504:rule=110:rate=1",
    "plasma=size=896x504:rate=1",
)
FRAMES_EACH = 3
# Sizes of letters on pages.
PAGE_SIZES = (11, 12, 13, 15)
# Kinds of text on each background, in turn.
EACH = 3
QUALITY = 85

LATIN = (
    "Welcome to the wedding of Anna and Peter",
    "Chapter three: the long way home",
    "Grimsel Pass 2164 m",
    "Exit only",
    "Nothing is as it seems tonight",
    "Platform 2 to Bern",
    "Results of the second quarter",
    "Where were you yesterday?",
    "No parking at any time",
    "Directed by Maria Keller",
)
ACCENTED = ("Fête de la musique à Genève", "Größe und Übermut", "¿Dónde está la niña?", "Dziękuję, jutro wracamy")
CYRILLIC = ("Добро пожаловать домой", "Глава вторая")
PROSE = (
    "The library keeps every frame that differs from the frame before, with the time at which it was first seen. "
    "Speech is transcribed in parts of thirty seconds, and each part is searched by its words and by its meaning. "
    "Results are grouped into moments, ordered by score, and played from two seconds before the first word. "
    "A video that was moved is found again by its content, not by its name; no file is ever changed or deleted. "
    "Settings are read from a file, from variables and from options, in this order of increasing precedence. "
)
JAPANESE = ("明日また会いましょう", "出口はこちらです", "東京駅 八番線")


@dataclass(frozen=True, slots=True)
class Sample:
    """A frame with drawn words."""

    kind: str
    jpeg: bytes
    words: tuple[str, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path, help="folder of videos for more backgrounds")
    parser.add_argument("--font", type=Path, help="font with Japanese letters")
    parser.add_argument("--save", type=Path, help="folder for the frames")
    arguments = parser.parse_args()
    samples = list(make_samples(arguments.media, arguments.font))
    if arguments.save:
        arguments.save.mkdir(parents=True, exist_ok=True)
        for number, sample in enumerate(samples):
            (arguments.save / f"{number:04}-{sample.kind}.jpg").write_bytes(sample.jpeg)
    measure(samples)


@dataclass(frozen=True, slots=True)
class Result:
    """Drawn words, words read by RapidOCR, the same and other words read by vidlocal; processor time of both."""

    words: int
    whole: int
    both: int
    only_vidlocal: int
    whole_s: float
    vidlocal_s: float
    has_text: tuple[bool, bool]


def measure(samples: Sequence[Sample]) -> None:
    results: dict[str, list[Result]] = defaultdict(list)
    whole, own = (in_process_of_its_own(read, samples) for read in (read_whole, read_own))
    for sample, (whole_words, whole_s), (own_words, own_s) in zip(samples, whole, own, strict=True):
        drawn = Counter(sample.words)
        result = Result(
            drawn.total(),
            (drawn & whole_words).total(),
            (drawn & whole_words & own_words).total(),
            ((drawn & own_words) - whole_words).total(),
            whole_s,
            own_s,
            (bool(whole_words), bool(own_words)),
        )
        results[sample.kind].append(result)
    print("kind          frames  words  RapidOCR  by vidlocal too  only by vidlocal  s RapidOCR  s vidlocal")
    everything = [result for kind in results.values() for result in kind]
    for kind, part in [*results.items(), ("all", everything)]:
        print_row(kind, part)
    false = [sum(result.has_text[way] for result in results["no text"]) for way in (0, 1)]
    print(f"Frames without drawn text that have a text: {false[0]} by RapidOCR, {false[1]} by vidlocal")


def print_row(kind: str, part: Sequence[Result]) -> None:
    whole, both = sum(result.whole for result in part), sum(result.both for result in part)
    share = f"{both / whole:7.1%}" if whole else "       "
    words, others = sum(result.words for result in part), sum(result.only_vidlocal for result in part)
    print(f"{kind:12}  {len(part):6}  {words:5}  {whole:8}  {both:7} {share}  {others:16}", end="  ")
    print(f"{statistics.mean(result.whole_s for result in part):10.3f}", end="  ")
    print(f"{statistics.mean(result.vidlocal_s for result in part):10.3f}")


Readings = list[tuple[Counter[str], float]]


def in_process_of_its_own(read: Callable[[Sequence[bytes]], Readings], samples: Sequence[Sample]) -> Readings:
    """Read in a new process: the first session of a process decides about denormal numbers for all."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(read, [sample.jpeg for sample in samples]).result()


def read_whole(jpegs: Sequence[bytes]) -> Readings:
    """Words read by RapidOCR in whole frames, and the processor time of each."""
    rapid_ocr = open_rapid_ocr()
    rapid_ocr_lines(rapid_ocr, Image.new("RGB", SIZE))  # loads the models
    return [timed(lambda image: rapid_ocr_lines(rapid_ocr, image), jpeg) for jpeg in jpegs]


def read_own(jpegs: Sequence[bytes]) -> Readings:
    """Words read by vidlocal, each frame as the first of a video, and the processor time of each."""
    models = TextDetector(threads=1), TextRecognizer(threads=1)

    def read(image: Image.Image) -> list[OcrLine]:
        return [OcrLine(line.text, line.score, *line.box) for line in child.FrameReader(*models).read(image)]

    return [timed(read, jpeg) for jpeg in jpegs]


def timed(read: Callable[[Image.Image], list[OcrLine]], jpeg: bytes) -> tuple[Counter[str], float]:
    image = child._decode_jpeg(jpeg)
    start = time.process_time()
    lines = read(image)
    return words_in(lines), time.process_time() - start


def open_rapid_ocr() -> rapidocr.RapidOCR:
    """RapidOCR with the bundled models, in a single thread. Larger detection sizes find no more in these frames."""
    return rapidocr.RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_cls": False,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "Det.model_path": str(model_path("det")),
            "Det.limit_type": "max",
            "Det.limit_side_len": 640,
            "Rec.model_path": str(model_path("rec")),
            "Rec.rec_batch_num": 1,
        }
    )


def rapid_ocr_lines(rapid_ocr: rapidocr.RapidOCR, image: Image.Image) -> list[OcrLine]:
    output = rapid_ocr(as_bgr(image), use_rec=True, box_thresh=0.5)
    texts, scores, boxes = (getattr(output, part, None) for part in ("txts", "scores", "boxes"))
    if texts is None or scores is None or boxes is None:
        return []
    return [
        OcrLine(str(text), float(score), *box.min(axis=0).tolist(), *box.max(axis=0).tolist())
        for text, score, box in zip(texts, scores, boxes, strict=True)
    ]


def words_in(lines: Sequence[OcrLine]) -> Counter[str]:
    """Words of the text in the form of OCR, normalized for comparison."""
    joined = join_lines(lines, model="")
    return Counter(words_of(joined.text)) if joined else Counter()


def normalized(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.casefold().replace("ł", "l"))
    return "".join(letter if letter.isalnum() else " " for letter in letters if not unicodedata.combining(letter))


def make_samples(media: Path | None, font: Path | None) -> Iterator[Sample]:
    dice = random.Random(7)
    backgrounds = [*flat(), *noise(), *(filmed(media) if media else [])]
    for number, background in enumerate(backgrounds):
        yield Sample("no text", encoded(background), ())
        for kind, draw in (*KINDS[number % len(KINDS) :], *KINDS)[:EACH]:
            texts = LATIN if number % 3 else ACCENTED if number % 2 else CYRILLIC
            image, text = draw(background.copy(), dice, texts, None)
            yield Sample(kind, encoded(image), words_of(text))
        if font is not None:
            image, text = dice.choice((title, subtitle, sign))(background.copy(), dice, JAPANESE, font)
            yield Sample("japanese", encoded(image), words_of(text))
    for size in PAGE_SIZES:
        for dark in (False, True):
            image, text = page(size, dark=dark)
            yield Sample("page", encoded(image), words_of(text))


def words_of(text: str) -> tuple[str, ...]:
    return tuple(word for word in normalized(text).split() if len(word) > 1)


def encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def flat() -> Iterator[Image.Image]:
    for color in ("white", "black", "#203060", "#d8d0b8", "#8a8a8a"):
        yield Image.new("RGB", SIZE, color)


def noise() -> Iterator[Image.Image]:
    for source in NOISE:
        yield from decoded(["-f", "lavfi", "-i", source], count=FRAMES_EACH)


def filmed(folder: Path) -> Iterator[Image.Image]:
    """Two frames of every film in the folder."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in {".mp4", ".mkv", ".webm", ".avi", ".mov", ".mpg"}:
            yield from decoded(["-i", str(path)], count=1)


def decoded(source: Sequence[str], *, count: int) -> Iterator[Image.Image]:
    width, height = SIZE
    scale = f"fps=1/2,scale={width}:{height}:force_original_aspect_ratio=increase,crop={width}:{height}"
    program = find_ffmpeg(None).path
    output = ["-vf", scale, "-frames:v", str(count), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    data = subprocess.run(
        [program, "-nostdin", "-v", "error", "-t", "20", *source, *output], capture_output=True, check=False
    ).stdout
    for start in range(0, len(data) - width * height * 3 + 1, width * height * 3):
        yield Image.frombytes("RGB", SIZE, data[start : start + width * height * 3])


def font_of(path: Path | None, size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    if path is not None:
        return ImageFont.truetype(str(path), size)
    try:
        return ImageFont.truetype("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf", size)
    except OSError:
        return ImageFont.load_default(size)


Drawn = tuple[Image.Image, str]


def slide(image: Image.Image, dice: random.Random, texts: Sequence[str], font: Path | None) -> Drawn:
    """A heading and three lines on a panel."""
    dark = dice.random() < 0.5
    lines = [dice.choice(texts) for _ in range(4)]
    panel = Image.new("RGB", SIZE, "#101828" if dark else "#f6f6f2")
    image = Image.blend(image, panel, 0.92)
    draw = ImageDraw.Draw(image)
    ink = "#f0f0f0" if dark else "#202020"
    draw.text((60, 50), lines[0], font=font_of(font, 36, bold=True), fill=ink)
    for row, line in enumerate(lines[1:]):
        draw.text((80, 150 + 70 * row), f"- {line}", font=font_of(font, dice.choice((18, 22, 26))), fill=ink)
    return image, " ".join(lines)


def title(image: Image.Image, dice: random.Random, texts: Sequence[str], font: Path | None) -> Drawn:
    """A large line in the middle."""
    text, size = dice.choice(texts), dice.choice((34, 44))
    draw = ImageDraw.Draw(image)
    draw.text(
        (448, dice.randint(150, 320)),
        text,
        font=font_of(font, size, bold=True),
        fill="white",
        anchor="mm",
        stroke_width=3,
        stroke_fill="#202020",
    )
    return image, text


def subtitle(image: Image.Image, dice: random.Random, texts: Sequence[str], font: Path | None) -> Drawn:
    """A line burnt in at the bottom, white or yellow, with outline or box."""
    text, size = dice.choice(texts), dice.choice((20, 24, 28))
    draw = ImageDraw.Draw(image)
    letters = font_of(font, size)
    ink = dice.choice(("white", "#ffe14d"))
    if dice.random() < 0.4:
        box = draw.textbbox((448, 465), text, font=letters, anchor="mm")
        draw.rectangle((box[0] - 8, box[1] - 5, box[2] + 8, box[3] + 5), fill="black")
        draw.text((448, 465), text, font=letters, fill=ink, anchor="mm")
    else:
        draw.text((448, 465), text, font=letters, fill=ink, anchor="mm", stroke_width=2, stroke_fill="black")
    return image, text


def sign(image: Image.Image, dice: random.Random, texts: Sequence[str], font: Path | None) -> Drawn:
    """A board, turned a little, somewhere in the picture."""
    text = dice.choice(texts)
    letters = font_of(font, dice.choice((22, 28, 34)), bold=True)
    box = letters.getbbox(text)
    board = Image.new(
        "RGBA", (int(box[2]) + 40, int(box[3]) + 30), dice.choice(("#0b5d3b", "#f4c20d", "#ffffff", "#1a3f8b"))
    )
    ink = "black" if board.getpixel((0, 0))[0] > 200 else "white"  # type: ignore[index]
    ImageDraw.Draw(board).text((20, 12), text, font=letters, fill=ink)
    board = board.rotate(dice.uniform(-8, 8), expand=True, resample=Image.Resampling.BICUBIC)
    place = (dice.randint(0, max(0, SIZE[0] - board.width)), dice.randint(0, max(0, SIZE[1] - board.height)))
    image.paste(board, place, board)
    return image, text


def small(image: Image.Image, dice: random.Random, texts: Sequence[str], font: Path | None) -> Drawn:
    """Small print on a strip."""
    text = dice.choice(texts)
    draw = ImageDraw.Draw(image)
    left, top = dice.randint(20, 300), dice.randint(20, 460)
    letters = font_of(font, dice.choice((13, 15, 17)))
    box = draw.textbbox((left, top), text, font=letters)
    draw.rectangle((box[0] - 6, box[1] - 4, box[2] + 6, box[3] + 4), fill="#303030")
    draw.text((left, top), text, font=letters, fill="#e8e8e8")
    return image, text


def pale(image: Image.Image, dice: random.Random, texts: Sequence[str], font: Path | None) -> Drawn:
    """Low contrast, on a nearly flat background."""
    text = dice.choice(texts)
    image = ImageEnhance.Contrast(image).enhance(0.15)
    mean = sum(image.resize((1, 1)).getpixel((0, 0))) // 3  # type: ignore[arg-type]
    ink = mean + 45 if mean < 128 else mean - 45
    place = (dice.randint(30, 200), dice.randint(60, 420))
    ImageDraw.Draw(image).text(place, text, font=font_of(font, dice.choice((24, 32))), fill=(ink,) * 3)
    return image, text


def blurred(image: Image.Image, dice: random.Random, texts: Sequence[str], font: Path | None) -> Drawn:
    """A title of a soft film."""
    image, text = title(image, dice, texts, font)
    return image.filter(ImageFilter.GaussianBlur(1.6)), text


def page(size: int, *, dark: bool) -> Drawn:
    """Dense small print on the whole frame."""
    image = Image.new("RGB", SIZE, "#181a1f" if dark else "#fbfbf8")
    draw, font = ImageDraw.Draw(image), font_of(None, size)
    words, lines = cycle(PROSE.split()), []
    for top in range(24, SIZE[1] - 30, round(size * 1.5)):
        line = next(words)
        while draw.textlength(line, font=font) < SIZE[0] - 150:
            line += " " + next(words)
        draw.text((36, top), line, font=font, fill="#d0d0d0" if dark else "#303030")
        lines.append(line)
    return image, " ".join(lines)


KINDS = (
    ("slide", slide),
    ("title", title),
    ("sign", sign),
    ("subtitle", subtitle),
    ("small", small),
    ("pale", pale),
    ("blurred", blurred),
)

if __name__ == "__main__":
    main()
