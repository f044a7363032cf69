"""Draw the clip of `vidlocal demo`: python docs/draw_demo_clip.py

Five scenes of our own, text on screen, a subtitle track, no sound. Needs only what vidlocal installs.
"""

import math
import random
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image, ImageDraw, ImageFilter, ImageFont

TARGET = Path(__file__).resolve().parents[1] / "vidlocal" / "demo" / "a-year-outside.mp4"
WIDTH, HEIGHT, FPS, SCENE_SECONDS = 896, 504, 12, 8.0
SCALE = 2  # drawn twice as large and reduced: smooth edges
W, H = WIDTH * SCALE, HEIGHT * SCALE

Colour = tuple[int, int, int]
Scene = Callable[[float], Image.Image]

SUBTITLES = (
    (8.6, 11.8, "The sun goes down behind the sea."),
    (12.2, 15.6, "A little boat sails home before dark."),
    (16.6, 19.8, "Snow falls on the mountain pass."),
    (20.2, 23.6, "Nobody climbs any higher today."),
    (24.6, 27.8, "At night the whole city is awake."),
    (28.2, 31.6, "We find a room in the old hotel by the river."),
    (32.6, 35.8, "In spring the balloons rise over the meadow."),
    (36.2, 39.4, "The children wave until the last one is gone."),
)


def sky(top: Colour, bottom: Colour, *, bend: float = 1.0) -> Image.Image:
    """A vertical gradient; `bend` above 1 keeps the top colour longer."""
    share = np.linspace(0.0, 1.0, H)[:, None] ** bend
    rows = np.array(top) * (1 - share) + np.array(bottom) * share
    return Image.fromarray(np.broadcast_to(rows[:, None, :], (H, W, 3)).astype(np.uint8).copy())


def glow(picture: Image.Image, x: float, y: float, radius: float, colour: Colour, strength: float) -> None:
    """Light that falls off around a point."""
    ys, xs = np.mgrid[0:H:4, 0:W:4]
    near = np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * radius**2)) * strength
    mask = Image.fromarray((near * 255).clip(0, 255).astype(np.uint8)).resize((W, H), Image.Resampling.BILINEAR)
    picture.paste(Image.new("RGB", (W, H), colour), (0, 0), mask)


def words(picture: Image.Image, text: str, x: float, y: float, size: int, colour: Colour) -> None:
    ImageDraw.Draw(picture).text((x, y), text, font=ImageFont.load_default(size), fill=colour, anchor="mm")


def ridge(seed: int, *, base: float, height: float, rough: float) -> npt.NDArray[np.float64]:
    """The height of a mountain ridge over every column."""
    chance = random.Random(seed)
    xs = np.arange(W)
    waves = [
        height / octave**rough * np.abs(np.sin(xs * octave * math.pi / W * 1.5 + chance.uniform(0, 6)))
        for octave in (1, 2, 3, 5, 9, 17, 33)
    ]
    return np.asarray(base - np.sum(waves, axis=0) / 1.6)


def title(at: float) -> Image.Image:
    picture = sky((24, 30, 58), (70, 52, 92))
    glow(picture, W * (0.15 + 0.7 * at), H * 0.42, H * 0.35, (230, 150, 110), 0.55)
    words(picture, "A YEAR OUTSIDE", W / 2, H * 0.43, 148, (255, 248, 236))
    words(picture, "filmed by nobody, drawn for vidlocal", W / 2, H * 0.60, 54, (236, 214, 206))
    draw = ImageDraw.Draw(picture)
    half = W * 0.28 * min(1.0, at * 2.5)
    draw.rectangle((W / 2 - half, H * 0.525, W / 2 + half, H * 0.529), fill=(255, 220, 190))
    return picture


def sunset(at: float) -> Image.Image:
    horizon = H * 0.60
    picture = sky((46, 42, 104), (255, 160, 84), bend=0.8)
    sun_y = horizon - H * 0.20 + H * 0.19 * at
    glow(picture, W * 0.62, sun_y, H * 0.30, (255, 214, 130), 0.8)
    draw = ImageDraw.Draw(picture)
    radius = H * 0.085
    draw.ellipse((W * 0.62 - radius, sun_y - radius, W * 0.62 + radius, sun_y + radius), fill=(255, 240, 196))
    sea = sky((150, 84, 92), (22, 34, 74)).resize((W, H - int(horizon)))
    picture.paste(sea, (0, int(horizon)))
    for row in range(int(horizon) + 6, H, 14):
        depth = (row - horizon) / (H - horizon)
        spread = W * (0.05 + 0.22 * depth)
        for number in range(7):
            phase = at * 9 + row * 0.37 + number * 2.1
            x = W * 0.62 + math.sin(phase) * spread
            length = (10 + 60 * depth) * (1 + 0.5 * math.sin(phase * 1.7))
            draw.line((x - length, row, x + length, row), fill=(255, 196, 130), width=2 + int(4 * depth))
    boat(draw, W * (0.10 + 0.34 * at), horizon + H * 0.10 + 5 * math.sin(at * 24), H * 0.11)
    return picture


def boat(draw: ImageDraw.ImageDraw, x: float, y: float, size: float) -> None:
    dark = (26, 22, 44)
    draw.polygon(
        [
            (x - size * 0.7, y),
            (x + size * 0.7, y),
            (x + size * 0.45, y + size * 0.28),
            (x - size * 0.5, y + size * 0.28),
        ],
        fill=dark,
    )
    draw.line((x, y, x, y - size * 1.5), fill=dark, width=6)
    draw.polygon(
        [(x + 6, y - size * 1.45), (x + 6, y - size * 0.1), (x + size * 0.75, y - size * 0.1)], fill=(244, 236, 226)
    )
    draw.polygon(
        [(x - 6, y - size * 1.2), (x - 6, y - size * 0.1), (x - size * 0.5, y - size * 0.1)], fill=(226, 210, 204)
    )


def mountains(at: float) -> Image.Image:
    picture = sky((120, 156, 196), (226, 234, 242))
    draw = ImageDraw.Draw(picture)
    for seed, base, height, rough, colour, drift in (
        (3, H * 0.78, H * 0.46, 1.25, (150, 172, 200), 20),
        (8, H * 0.92, H * 0.44, 1.15, (98, 122, 158), 50),
    ):
        line = np.roll(ridge(seed, base=base, height=height, rough=rough), int(-drift * at))
        draw.polygon([(0, H), *((x, float(line[x])) for x in range(0, W, 6)), (W, H)], fill=colour)
        for x in range(0, W, 2):
            top = float(line[x])
            low = top + max(0.0, (base - top - height * 0.42) * 0.55) + 9 * math.sin(x / 21)
            if low > top:
                draw.rectangle((x, top, x + 1, low), fill=(244, 248, 252))
    draw.polygon([(0, H), (0, H * 0.86), (W * 0.5, H * 0.90), (W, H * 0.84), (W, H)], fill=(236, 242, 248))
    for number in range(7):
        fir(
            draw,
            W * (0.52 + 0.075 * number) + 30 * math.sin(number * 5),
            H * (0.90 + 0.012 * (number % 3)),
            90 + 26 * (number % 3),
        )
    sign(picture, W * 0.20, H * 0.66)
    snowfall(draw, at)
    return picture


def fir(draw: ImageDraw.ImageDraw, x: float, y: float, size: float) -> None:
    for level in range(3):
        top, wide = y - size * (0.5 + 0.42 * level), size * (0.46 - 0.11 * level)
        draw.polygon(
            [(x - wide, top + size * 0.52), (x + wide, top + size * 0.52), (x, top - size * 0.1)], fill=(34, 66, 70)
        )


def sign(picture: Image.Image, x: float, y: float) -> None:
    draw = ImageDraw.Draw(picture)
    draw.rectangle((x - 8, y, x + 8, y + H * 0.28), fill=(92, 66, 44))
    draw.rounded_rectangle((x - 230, y - 84, x + 230, y + 76), 14, fill=(250, 226, 96), outline=(60, 50, 30), width=6)
    words(picture, "GRIMSEL PASS", x, y - 32, 62, (40, 34, 24))
    words(picture, "2164 m", x, y + 36, 54, (40, 34, 24))


def snowfall(draw: ImageDraw.ImageDraw, at: float) -> None:
    chance = random.Random(5)
    for _ in range(130):
        x, y, size, speed = chance.uniform(0, W), chance.uniform(0, H), chance.uniform(3, 8), chance.uniform(0.5, 1.1)
        x, y = (x + 60 * math.sin(at * 7 + y)) % W, (y + at * H * speed) % H
        draw.ellipse((x - size, y - size, x + size, y + size), fill=(255, 255, 255))


def city(at: float) -> Image.Image:
    picture = sky((8, 10, 30), (48, 38, 84))
    draw = ImageDraw.Draw(picture)
    chance = random.Random(11)
    for _ in range(90):
        x, y = chance.uniform(0, W), chance.uniform(0, H * 0.45)
        shine = int(120 + 100 * math.sin(at * 12 + x))
        draw.ellipse((x, y, x + 4, y + 4), fill=(shine, shine, shine))
    glow(picture, W * 0.82, H * 0.16, H * 0.12, (226, 226, 200), 0.6)
    draw.ellipse((W * 0.82 - 60, H * 0.16 - 60, W * 0.82 + 60, H * 0.16 + 60), fill=(244, 242, 220))
    left = -40.0
    while left < W:
        wide, high = chance.uniform(110, 220), chance.uniform(H * 0.30, H * 0.62)
        draw.rectangle((left, H * 0.84 - high, left + wide, H * 0.84), fill=(20, 20, 40))
        windows(draw, chance, left, wide, high, at)
        left += wide + chance.uniform(6, 30)
    hotel(picture, draw, at)
    draw.rectangle((0, H * 0.84, W, H), fill=(26, 26, 38))
    for lane, direction, colour in ((0.885, 1, (255, 244, 200)), (0.945, -1, (255, 70, 60))):
        for number in range(5):
            x = (number * W / 5 + direction * at * W * 0.9) % W
            glow_line(draw, x, H * lane, direction, colour)
    return picture


def windows(draw: ImageDraw.ImageDraw, chance: random.Random, left: float, wide: float, high: float, at: float) -> None:
    for column in range(int(wide // 36)):
        for row in range(int(high // 46)):
            lit, since = chance.random(), chance.random()
            if lit < 0.45 and at >= since * 0.9 - 0.4:
                x, y = left + 14 + column * 36, H * 0.84 - high + 18 + row * 46
                draw.rectangle((x, y, x + 17, y + 24), fill=(255, 214, 122) if lit < 0.3 else (255, 176, 96))


def hotel(picture: Image.Image, draw: ImageDraw.ImageDraw, at: float) -> None:
    x, y = W * 0.34, H * 0.50
    draw.rectangle((x - 330, y - 150, x + 330, H * 0.84), fill=(34, 26, 48))
    for column in range(9):
        for row in range(4):
            left, top = x - 300 + column * 70, y + 20 + row * 82
            draw.rectangle(
                (left, top, left + 34, top + 50), fill=(255, 206, 120) if (column * row) % 3 else (70, 56, 70)
            )
    on = 0.45 + 0.1 * math.sin(at * 40)
    glow(picture, x, y - 70, H * 0.16, (255, 70, 120), on)
    words(picture, "HOTEL ASTORIA", x, y - 70, 78, (255, 226, 232))


def glow_line(draw: ImageDraw.ImageDraw, x: float, y: float, direction: int, colour: Colour) -> None:
    for step in range(14):
        share = 1 - step / 14
        tint = tuple(int(part * share + 26 * (1 - share)) for part in colour)
        at = x - direction * step * 16
        draw.ellipse((at - 9 * share - 3, y - 6 * share - 2, at + 9 * share + 3, y + 6 * share + 2), fill=tint)


def meadow(at: float) -> Image.Image:
    picture = sky((112, 186, 240), (222, 240, 250))
    draw = ImageDraw.Draw(picture)
    for number, (x, y, size) in enumerate(((0.15, 0.16, 60), (0.52, 0.10, 46), (0.86, 0.22, 70))):
        cloud(draw, W * x + 60 * at * (1 + number % 2), H * y, size)
    hill = [(x, H * 0.72 + 40 * math.sin(x / W * 5 + 1)) for x in range(0, W + 1, 16)]
    draw.polygon([(0, H), *hill, (W, H)], fill=(104, 176, 84))
    front = [(x, H * 0.82 + 24 * math.sin(x / W * 7 + 3)) for x in range(0, W + 1, 16)]
    draw.polygon([(0, H), *front, (W, H)], fill=(72, 146, 66))
    flowers(draw, at)
    balloon(picture, draw, W * 0.30 + 40 * math.sin(at * 3), H * (0.60 - 0.30 * at), 150, (222, 66, 60), (250, 214, 90))
    balloon(picture, draw, W * 0.58, H * (0.66 - 0.34 * at), 116, (60, 110, 200), (240, 244, 250))
    balloon(picture, draw, W * 0.82 - 30 * math.sin(at * 4), H * (0.52 - 0.36 * at), 88, (140, 70, 160), (250, 170, 90))
    banner(picture, draw, at)
    return picture


def cloud(draw: ImageDraw.ImageDraw, x: float, y: float, size: float) -> None:
    for dx, dy, share in ((-1.2, 0.2, 0.8), (-0.4, -0.2, 1.0), (0.5, -0.1, 0.9), (1.2, 0.25, 0.7)):
        radius = size * share
        draw.ellipse(
            (
                x + dx * size - radius,
                y + dy * size - radius * 0.8,
                x + dx * size + radius,
                y + dy * size + radius * 0.8,
            ),
            fill=(250, 252, 255),
        )


def flowers(draw: ImageDraw.ImageDraw, at: float) -> None:
    chance = random.Random(21)
    for _ in range(150):
        x, y = chance.uniform(0, W), chance.uniform(H * 0.86, H * 0.99)
        sway = 6 * math.sin(at * 14 + x)
        colour = chance.choice([(250, 220, 80), (240, 110, 120), (250, 250, 250)])
        draw.line((x, y + 16, x + sway, y), fill=(44, 104, 46), width=3)
        draw.ellipse((x + sway - 6, y - 6, x + sway + 6, y + 6), fill=colour)


def balloon(
    picture: Image.Image, draw: ImageDraw.ImageDraw, x: float, y: float, size: float, one: Colour, two: Colour
) -> None:
    for step in range(6):
        half = size * (1 - step / 6)
        draw.ellipse((x - half, y - size, x + half, y + size), fill=one if step % 2 == 0 else two)
    draw.polygon(
        [
            (x - size * 0.62, y + size * 0.76),
            (x + size * 0.62, y + size * 0.76),
            (x + size * 0.16, y + size * 1.35),
            (x - size * 0.16, y + size * 1.35),
        ],
        fill=one,
    )
    for side in (-0.15, 0.15):
        draw.line((x + size * side, y + size * 1.34, x + size * side, y + size * 1.56), fill=(80, 60, 40), width=4)
    draw.rectangle((x - size * 0.18, y + size * 1.54, x + size * 0.18, y + size * 1.80), fill=(128, 88, 52))


def banner(picture: Image.Image, draw: ImageDraw.ImageDraw, at: float) -> None:
    y = H * 0.90 + 4 * math.sin(at * 9)
    draw.rectangle((W * 0.27, y - 54, W * 0.73, y + 54), fill=(252, 248, 236), outline=(150, 60, 50), width=6)
    words(picture, "BALLOON FESTIVAL", W / 2, y, 70, (150, 44, 40))


SCENES: tuple[Scene, ...] = (title, sunset, mountains, city, meadow)


def pictures() -> Iterator[bytes]:
    count = int(SCENE_SECONDS * FPS)
    for scene in SCENES:
        for number in range(count):
            large = scene(number / (count - 1))
            yield (
                large.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).filter(ImageFilter.UnsharpMask(1, 40)).tobytes()
            )


def clock(seconds: float) -> str:
    return f"00:00:{seconds:06.3f}".replace(".", ",")


def main() -> None:
    TARGET.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        srt = Path(folder) / "subtitles.srt"
        cues = [
            f"{number}\n{clock(start)} --> {clock(end)}\n{text}\n"
            for number, (start, end, text) in enumerate(SUBTITLES, 1)
        ]
        srt.write_text("\n".join(cues), encoding="utf-8")
        argv = [get_ffmpeg_exe(), "-y", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}"]
        argv += ["-r", str(FPS), "-i", "-", "-i", str(srt), "-map", "0:v", "-map", "1:s", "-c:s", "mov_text"]
        argv += ["-c:v", "libx264", "-preset", "veryslow", "-crf", "30", "-g", str(2 * FPS), "-pix_fmt", "yuv420p"]
        argv += [
            "-metadata",
            "title=A year outside",
            "-metadata:s:s:0",
            "language=eng",
            "-bitexact",
            "-movflags",
            "+faststart",
        ]
        with subprocess.Popen([*argv, str(TARGET)], stdin=subprocess.PIPE) as encoder:
            assert encoder.stdin is not None
            for picture in pictures():
                encoder.stdin.write(picture)
            encoder.stdin.close()
            if encoder.wait():
                raise SystemExit("ffmpeg failed")
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
