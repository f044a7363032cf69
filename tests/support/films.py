"""Videos of plain colours in a library: pictures to describe, without a file to decode."""

from pathlib import Path

from tests.support.images import plain_colour
from vidlocal.records import FileStamp, FrameDraft, MediaKind, Passage, PassageKind, Probe
from vidlocal.store.content import videos
from vidlocal.store.database import Library

COLOURS = [(220, 20, 20), (20, 160, 40), (20, 40, 220), (245, 225, 20), (10, 10, 10), (245, 245, 245)]

PLAIN_COLOURS = (
    (220, 20, 20),
    (20, 160, 40),
    (20, 40, 220),
    (245, 225, 20),
    (0, 0, 0),
    (255, 255, 255),
    (128, 128, 128),
)


def add_video(library: Library, *, name: str = "party", pictures: int = 6) -> int:
    folder = library.frames_folder / name
    folder.mkdir()
    drafts = []
    for number in range(pictures):
        (folder / f"{number}.jpg").write_bytes(plain_colour(COLOURS[number % 6], side_px=64 + number))
        image = f"frames/{name}/{number}.jpg"
        drafts.append(FrameDraft(time=2.0 * number, shot=number, image=image, dhash=number, rank=number))
    return videos.add(
        library,
        content_hash=name,
        path=Path("/films") / f"{name}.mp4",
        stamp=FileStamp(1, 1, 1),
        probe=Probe(kind=MediaKind.VIDEO, duration=2.0 * pictures),
        frame_drafts=drafts,
        text_passages=[Passage(0.0, 1.0, PassageKind.SUBTITLE, "Happy birthday")],
        plan=[],
    )


def add_colours(library: Library, number: int = len(PLAIN_COLOURS)) -> int:
    """A video of plain colours, with a frame every two seconds, each followed by a repeat."""
    drafts: list[FrameDraft] = []
    for at, rgb in enumerate(PLAIN_COLOURS[:number]):
        image = f"frames/{at}.jpg"
        (library.folder / image).write_bytes(plain_colour(rgb, side_px=100))
        drafts += [
            FrameDraft(4.0 * at, at, image, at, novelty=1 - at / 100),
            FrameDraft(4.0 * at + 2, at, None, at, same_as=2 * at),
        ]
    return videos.add(
        library,
        content_hash="c" * 64,
        path=Path("/v/colours.mp4"),
        stamp=FileStamp(1, 1, 1),
        probe=Probe(MediaKind.VIDEO, 4.0 * number),
        frame_drafts=drafts,
        text_passages=[],
        plan=[],
    )
