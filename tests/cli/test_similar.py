import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.texts import add_video as add_texts
from vidlocal.records import FileStamp, FrameDraft, MediaKind, Probe
from vidlocal.signals.look import look_at
from vidlocal.store import videos
from vidlocal.store.database import Library

from .conftest import Run, hash_of


def drawing(seed: int) -> Image.Image:
    """A picture of coarse blocks that no other seed's is like."""
    cells = np.random.default_rng(seed).integers(0, 256, (9, 8, 3), np.uint8)
    return Image.fromarray(cells).resize((320, 240), Image.Resampling.NEAREST)


@pytest.fixture
def films(library: Library) -> Library:
    """Two videos: what one shows at 20 s, the other shows at 40 s; the second frame of each repeats its first."""
    for title, seeds in (("one", (1, 1, 2)), ("two", (3, 3, 4, 5, 1))):
        drafts = [
            FrameDraft(
                10.0 * at,
                at,
                None if at == 1 else f"frames/{title}{at}.jpg",
                look_at(drawing(seed)).dhash,
                0 if at == 1 else None,
            )
            for at, seed in enumerate(seeds)
        ]
        videos.add(
            library,
            content_hash=hash_of(title),
            path=Path(f"/videos/{title}.mp4"),
            stamp=FileStamp(1, 1, 1),
            probe=Probe(MediaKind.VIDEO, 50.0),
            frame_drafts=drafts,
            found=[],
            plan=[],
        )
    return library


def found(stdout: str) -> list[tuple[str, float, float]]:
    document = json.loads(stdout)
    assert document["by"] == "perceptual hash"
    return [(moment["video"]["title"], moment["start"], moment["score"]) for moment in document["moments"]]


def test_a_moment_finds_the_same_picture_elsewhere_but_not_itself(run: Run, films: Library) -> None:
    for where in ("one@0:05", "one@12"):
        result = run("similar", where, "--json")
        assert found(result.stdout) == [("two", 40.0, 1.0)]
        assert "perceptual hash" in result.stderr


def test_a_picture_file_finds_what_looks_like_it(run: Run, films: Library, tmp_path: Path) -> None:
    drawing(1).resize((640, 480)).save(tmp_path / "copy.jpg", quality=60)
    nearest = found(run("similar", "--image", str(tmp_path / "copy.jpg"), "--json").stdout)
    assert {(title, start) for title, start, _ in nearest} == {("one", 0.0), ("two", 40.0)}
    assert all(score > 0.9 for _, _, score in nearest)
    path, start, *_ = run("similar", "--image", str(tmp_path / "copy.jpg"), "-n", "1").stdout.split("\t")
    assert (path, start) == ("/videos/one.mp4", "0:00:00.0")


def test_nothing_alike_is_nothing_and_a_sentence(run: Run, films: Library) -> None:
    result = run("similar", "two@20")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("No moment looks like that.")


def test_what_cannot_be_compared_is_said(run: Run, films: Library, tmp_path: Path) -> None:
    (tmp_path / "no.jpg").write_text("no picture")
    add_texts(films, "sound", ["only words"])
    assert run("similar", "--image", str(tmp_path / "no.jpg")).exit_code == 4
    for words in ([], ["one"], ["one@99"], ["nobody@1"], ["sound@1"], ["one@1", "--image", "x.jpg"]):
        result = run("similar", *words)
        assert result.exit_code == 2
        assert len(result.stderr.splitlines()) == 1
