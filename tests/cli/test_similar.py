import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support import clip_model, clips, frame_vectors
from tests.support.commands import BUSY, Run, add_video, hash_of
from tests.support.text_videos import add_video as add_texts
from tests.support.text_videos import random_rows
from vidlocal.records import FileStamp, FrameDraft, MediaKind, Probe
from vidlocal.search.similar import find_by_hash
from vidlocal.signals.features import extract_features
from vidlocal.store.content import videos
from vidlocal.store.database import Library


def drawing(seed: int) -> Image.Image:
    """A picture of coarse blocks, unlike any other seed's."""
    cells = np.random.default_rng(seed).integers(0, 256, (9, 8, 3), np.uint8)
    return Image.fromarray(cells).resize((320, 240), Image.Resampling.NEAREST)


@pytest.fixture
def films(library: Library) -> Library:
    """Two videos: the picture at 20 s of one is at 40 s in the other; the second frame of each repeats its first."""
    for title, seeds in (("one", (1, 1, 2)), ("two", (3, 3, 4, 5, 1))):
        drafts = [
            FrameDraft(
                10.0 * at,
                at,
                None if at == 1 else f"frames/{title}{at}.jpg",
                extract_features(drawing(seed)).dhash,
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
            text_passages=[],
            plan=[],
        )
    return library


def found(stdout: str, *, by: str = "perceptual hash") -> list[tuple[str, float, float]]:
    document = json.loads(stdout)
    assert document["by"] == by
    return [(moment["video"]["title"], moment["start"], moment["score"]) for moment in document["moments"]]


def test_a_moment_finds_the_same_picture_elsewhere_but_not_itself(run: Run, films: Library) -> None:
    for where in ("one@0:05", "one@12"):
        result = run("similar", where, "--json")
        assert found(result.stdout) == [("two", 40.0, 1.0)]
        assert "perceptual hash" in result.stderr
        assert "vidlocal setup --pictures" in result.stderr


@pytest.mark.slow
def test_image_file_finds_similar_frames(run: Run, films: Library, tmp_path: Path) -> None:
    drawing(1).resize((640, 480)).save(tmp_path / "copy.jpg", quality=60)
    nearest = found(run("similar", "--image", str(tmp_path / "copy.jpg"), "--json").stdout)
    assert {(title, start) for title, start, _ in nearest} == {("one", 0.0), ("two", 40.0)}
    assert all(score > 0.9 for _, _, score in nearest)
    path, start, *_ = run("similar", "--image", str(tmp_path / "copy.jpg"), "-n", "1").stdout.split("\t")
    assert (path, start) == ("/videos/one.mp4", "0:00:00.0")


@pytest.mark.slow
def test_plain_pictures_are_not_alike_because_little_is_on_them(run: Run, library: Library, tmp_path: Path) -> None:
    def slide(*spots: tuple[int, int]) -> Image.Image:
        picture = Image.new("RGB", (320, 240), (0, 0, 200))
        for spot in spots:
            picture.paste((255, 255, 255), (*spot, spot[0] + 60, spot[1] + 60))
        return picture

    shown = (slide((20, 20)), slide((230, 160)), slide((20, 20), (230, 160)), slide())
    drafts = [
        FrameDraft(10.0 * at, at, f"frames/{at}.jpg", extract_features(one).dhash, None) for at, one in enumerate(shown)
    ]
    videos.add(
        library,
        content_hash=hash_of("slides"),
        path=Path("/videos/slides.mp4"),
        stamp=FileStamp(1, 1, 1),
        probe=Probe(MediaKind.VIDEO, 40.0),
        frame_drafts=drafts,
        text_passages=[],
        plan=[],
    )
    slide((20, 20)).resize((640, 480)).save(tmp_path / "copy.png")
    slide().save(tmp_path / "empty.png")
    assert found(run("similar", "--image", str(tmp_path / "copy.png"), "--json").stdout) == [("slides", 0.0, 1.0)]
    assert found(run("similar", "--image", str(tmp_path / "empty.png"), "--json").stdout) == []


def test_nothing_alike_is_nothing_and_a_sentence(run: Run, films: Library) -> None:
    result = run("similar", "two@20")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("No similar frames found.")


def test_incomparable_videos_are_reported(run: Run, films: Library, tmp_path: Path) -> None:
    (tmp_path / "no.jpg").write_text("no picture")
    add_texts(films, "sound", ["only words"])
    assert run("similar", "--image", str(tmp_path / "no.jpg")).exit_code == 4
    for words in ([], ["sound"], ["nobody"], ["one@99"], ["nobody@1"], ["sound@1"], ["one@1", "--image", "x.jpg"]):
        result = run("similar", *words)
        assert result.exit_code == 2
        assert len(result.stderr.splitlines()) == 1


def test_a_whole_video_needs_vectors_and_says_how_to_make_them(run: Run, films: Library) -> None:
    result = run("similar", "one")
    assert (result.exit_code, result.stdout) == (5, "")
    assert "vidlocal enrich --only pictures" in result.stderr
    suggested = result.stderr.rsplit("vidlocal ", 1)[1].split()
    assert run(*suggested).exit_code == 0


class TestByVectors:
    """Search by stored vectors, without a model."""

    @pytest.fixture
    def rows(self) -> frame_vectors.Rows:
        return random_rows(60)

    @pytest.fixture
    def seen(self, library: Library, rows: frame_vectors.Rows) -> Library:
        """Two videos of thirty frames; frame 3 of the first looks like frame 7 of the second."""
        both = np.concatenate([rows[:30], rows[30:37], frame_vectors.near(rows[3:4]), rows[38:]])
        frame_vectors.add_video(library, "one", both[:30])
        frame_vectors.add_video(library, "two", both[30:])
        return library

    def test_the_same_things_are_found_however_the_hashes_differ(self, run: Run, seen: Library) -> None:
        result = run("similar", "one@0:35", "--json", "-n", "1")
        [(title, start, score)] = found(result.stdout, by="picture vectors")
        assert (title, start) == ("two", 70.0)
        assert score == pytest.approx(0.995, abs=0.01)
        assert result.stderr == ""

    def test_frames_of_the_query_moment_are_excluded(
        self, run: Run, library: Library, rows: frame_vectors.Rows
    ) -> None:
        frame_vectors.add_video(
            library, "one", np.concatenate([frame_vectors.near(rows[:1]), rows[:40], frame_vectors.near(rows[:1])])
        )
        with library.writing() as connection:
            connection.execute("UPDATE frames SET shot = 0 WHERE time < 20")
        starts = [start for _, start, _ in found(run("similar", "one@15", "--json").stdout, by="picture vectors")]
        assert starts[0] == 410
        assert 0 not in starts

    def test_pictures_without_a_vector_are_counted(self, run: Run, seen: Library) -> None:
        with seen.writing() as connection:
            connection.execute("DELETE FROM frame_vectors WHERE frame_id > 55")
        assert run("similar", "one@35").stderr.startswith("Not compared (no vector): 5 pictures.")

    def test_uniform_library_still_has_nearest_frames(
        self, run: Run, library: Library, rows: frame_vectors.Rows
    ) -> None:
        alike = frame_vectors.near(np.repeat(rows[:1], 40, axis=0), share=0.3)
        frame_vectors.add_video(library, "one", alike)
        assert len(found(run("similar", "one@0", "--json", "-n", "5").stdout, by="picture vectors")) == 5

    def test_videos_are_compared_by_all_of_their_pictures(
        self, run: Run, seen: Library, rows: frame_vectors.Rows, tmp_path: Path
    ) -> None:
        frame_vectors.add_video(seen, "again", frame_vectors.near(rows[:30]))
        result = run("similar", "one", "--json")
        assert [title for title, _, _ in found(result.stdout, by="picture vectors")] == ["again", "two"]
        path, start, end, score, *_ = run("similar", "one", "-n", "1").stdout.split("\t")
        assert (path, start, end) == ("/videos/again.mp4", "0:00:00.0", "0:05:00.0")
        assert float(score) > 0.9


class TestByTheModel:
    """Search by vectors from the model."""

    COLOURS = ("red", "green", "blue")

    @pytest.fixture
    def seen(self, library: Library, tmp_path: Path) -> Library:
        """A video of consecutive colours, with the vectors of the installed small model."""
        clip_model.place(tmp_path / "home" / "models")
        key, rows = frame_vectors.of_colours(*self.COLOURS)
        frame_vectors.add_video(library, "colours", rows, key=key)
        return library

    @pytest.mark.slow
    def test_image_file_finds_the_same_subject(self, run: Run, seen: Library, tmp_path: Path) -> None:
        Image.new("RGB", (90, 50), (10, 200, 20)).save(tmp_path / "leaf.png")
        result = run("similar", "--image", str(tmp_path / "leaf.png"), "--json", "-n", "1")
        assert [start for _, start, _ in found(result.stdout, by="picture vectors")] == [10.0]

    def test_a_moment_whose_picture_was_not_looked_at_yet_is_looked_at(self, run: Run, seen: Library) -> None:
        frame_vectors.add_video(seen, "later", random_rows(1), key="gone@1")
        with seen.writing() as connection:
            connection.execute("DELETE FROM frame_vectors WHERE model = 'gone@1'")
        (seen.folder / "frames" / "later").mkdir()
        (seen.folder / "frames" / "later" / "000000.jpg").write_bytes(clip_model.jpeg("blue"))
        result = run("similar", "later@5", "--json", "-n", "1")
        assert [start for _, start, _ in found(result.stdout, by="picture vectors")] == [20.0]

    def test_without_the_model_it_goes_by_hash_and_says_why(self, run: Run, seen: Library, tmp_path: Path) -> None:
        Image.new("RGB", (90, 50), "green").save(tmp_path / "leaf.png")
        clip_model.place(tmp_path / "home" / "models", build=2)
        result = run("similar", "--image", str(tmp_path / "leaf.png"), "--json")
        found(result.stdout)
        assert "another model" in result.stderr
        shutil.rmtree(tmp_path / "home" / "models")
        result = run("similar", "--image", str(tmp_path / "leaf.png"), "--json")
        found(result.stdout)
        assert result.stderr.endswith("Run: vidlocal setup --pictures\n")


def test_hashes_of_unrelated_pictures_score_low(run: Run, library: Library) -> None:
    add_video(library, "near", "")  # hashes BUSY to BUSY ^ 9
    distance = sum(1 << bit for bit in range(1, 64, 4))  # 16 of 64 bits: half of what unrelated pictures differ in
    moments = find_by_hash(library, BUSY ^ distance, limit=1)
    assert 0.3 < moments[0].score < 0.6


def test_a_film_in_place_of_an_image_is_an_error_with_the_remedy(run: Run, films: Library, tmp_path: Path) -> None:
    film = clips.numbered(tmp_path / "a film.mp4", frames=10, codec=clips.X264)
    result = run("similar", "--image", str(film))
    assert result.exit_code == 4
    assert "a video, not an image" in result.stderr
    assert "vidlocal similar 'a film.mp4@1:00'" in result.stderr
