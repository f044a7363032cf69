"""Videos of plain colours in a library: pictures to describe, without a file to decode."""

from pathlib import Path

from vidlocal.engines.jpeg import plain_colour
from vidlocal.records import FileStamp, FrameDraft, MediaKind, Passage, PassageKind, Probe
from vidlocal.store.content import videos
from vidlocal.store.database import Library

COLOURS = [(220, 20, 20), (20, 160, 40), (20, 40, 220), (245, 225, 20), (10, 10, 10), (245, 245, 245)]


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
        found=[Passage(0.0, 1.0, PassageKind.SUBTITLE, "Happy birthday")],
        plan=[],
    )
