"""Commands run on a library of known videos, and strings with terminal escapes."""

from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

from typer.testing import Result

from vidlocal.media import files
from vidlocal.media.probe.prober import Prober
from vidlocal.records import FileStamp, FrameDraft, MediaKind, Passage, PassageKind, Probe
from vidlocal.store.content import videos
from vidlocal.store.database import Library

Run = Callable[..., Result]

# Everything that a terminal might obey, in one string.
EVIL = (
    "evil \x1b[31m \x1b]52;c;AAAA\x07 \x1b]8;;http://x\x1b\\ \x9b31m \x90q \r over \x08\x08 \x7f \x0b "
    "\u202e bidi \u2066 \u200b zero\u200dwidth \ufeff [/red] [link=http://x]y[/link] [@click=z] :smile: \ud800"
)


# The hash of a picture on which something is to be seen: half of its bits are set.
BUSY = 0x5555_5555_5555_5555


def add_video(library: Library, title: str, speech: str) -> int:
    drafts = [
        FrameDraft(
            time=number * 2.0,
            shot=number // 4,
            image=None if number % 2 else f"frames/{title[:7]}/{number}.jpg",
            dhash=BUSY ^ number,
            same_as=number - 1 if number % 2 else None,
            rank=None if number % 2 else number // 2,
        )
        for number in range(10)
    ]
    return videos.add(
        library,
        content_hash=hash_of(title),
        path=Path("/videos") / f"{title}.mp4",
        stamp=FileStamp(size_bytes=1_000_000, mtime_ns=1, inode=1),
        probe=Probe(kind=MediaKind.VIDEO, duration=20.0, width_px=1920, height_px=1080, video_codec="h264"),
        frame_drafts=drafts,
        text_passages=[
            Passage(4.0, 7.5, PassageKind.SPEECH, speech),
            Passage(10.0, 12.0, PassageKind.SCREEN_TEXT, f"WELCOME {speech}"),
        ],
        plan=[],
    )


def hash_of(title: str) -> str:
    """A substitute for the hash of a file: letters of the same length, by title."""
    return blake2b(title.encode("utf-8", "replace"), digest_size=32).hexdigest()


def add_source(library: Library, path: Path, *texts: Passage) -> int:
    """Add a video of a real file, without frames."""
    with Prober() as prober:
        probe = prober.probe(path)
    return videos.add(
        library,
        content_hash=hash_of(path.name),
        path=path,
        stamp=files.read_stamp(path),
        probe=probe,
        frame_drafts=(),
        text_passages=texts,
        plan=(),
    )


def citations_of(library: Library, passage: Passage) -> list[int]:
    """Ids of the passages cited by a summary."""
    return [row[0] for row in library.rows("SELECT rests_on FROM grounds WHERE passage_id = ?", passage.id)]
