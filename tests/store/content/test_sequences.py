"""Sequences of frames for a single request to the vision model."""

from pathlib import Path

from tests.support.images import plain_colour
from vidlocal.records import FileStamp, Frame, FrameDraft, JobKind, JobState, MediaKind, PassageKind, Probe, Provenance
from vidlocal.store.content import passages, sequences, stale, videos
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs


def timeline(shots: str, *, every: float = 2.0) -> list[Frame]:
    """A frame per character: a letter names its shot, a dot repeats the previous frame."""
    frames: list[Frame] = []
    original, shot = 0, 0
    for position, letter in enumerate(shots):
        if letter == ".":
            frames.append(Frame(position + 1, 1, position * every, shot, None, same_as=original))
        else:
            original, shot = position + 1, ord(letter)
            frames.append(Frame(original, 1, position * every, shot, f"{position}.jpg"))
    return frames


def spans(shots: str, *, every: float = 2.0) -> list[tuple[float, float, int]]:
    return [
        (sequence.start, sequence.end, len(sequence.frames))
        for sequence in sequences.split(timeline(shots, every=every))
    ]


def test_a_sequence_has_at_most_eight_frames() -> None:
    assert spans("a" * 20) == [(0.0, 16.0, 8), (16.0, 32.0, 8), (32.0, 38.0, 4)]


def test_a_sequence_lasts_at_most_twenty_seconds() -> None:
    assert spans("a" * 8, every=9.0) == [(0.0, 27.0, 3), (27.0, 54.0, 3), (54.0, 63.0, 2)]


def test_a_span_without_changes_is_not_watched() -> None:
    assert spans("a" + "." * 40) == []
    assert spans("") == []
    assert spans("a") == []


def test_repeats_are_left_out_but_count_as_time() -> None:
    assert spans("a...a...") == [(0.0, 10.0, 2)]


def test_slide_changes_are_not_watched() -> None:
    assert spans("abcdefgh") == []


def test_the_sequence_after_a_cut_starts_with_the_frame_before_it() -> None:
    first, second = sequences.split(timeline("aaaabbbb"))
    assert [frame.time for frame in first.frames] == [0.0, 2.0, 4.0, 6.0]
    assert [frame.time for frame in second.frames] == [6.0, 8.0, 10.0, 12.0, 14.0]
    assert first.cuts == ()
    assert second.cuts == (8.0,)


def test_short_shots_are_watched_together() -> None:
    (sequence,) = sequences.split(timeline("aabb"))
    assert len(sequence.frames) == 4
    assert sequence.cuts == (4.0,)


def test_no_two_sequences_start_with_the_same_frame() -> None:
    for shots in ("aaabbbcccddd", "aabbaabb", "abbbbabbbba", "a" * 50 + "b" * 3 + "c" * 50, "aaab" * 20):
        firsts = [sequence.frames[0].id for sequence in sequences.split(timeline(shots))]
        assert len(firsts) == len(set(firsts))


def test_all_moving_frames_are_watched() -> None:
    for shots in ("aaabbbcccddd", "a" * 50 + "b" * 3 + "c" * 50, "aaaa.aaa..aaaaa"):
        frames = timeline(shots)
        watched = {frame.id for sequence in sequences.split(frames) for frame in sequence.frames}
        assert watched == {frame.id for frame in frames if frame.image}


def add_video(library: Library, pictures: int = 10) -> int:
    folder = library.frames_folder / "v"
    folder.mkdir()
    drafts = []
    for number in range(pictures):
        (folder / f"{number}.jpg").write_bytes(plain_colour((10 * number, 0, 0), side_px=64))
        rank = 0 if number == 9 else None
        drafts.append(FrameDraft(2.0 * number, 0, f"frames/v/{number}.jpg", number, rank=rank, novelty=0.5))
    return videos.add(
        library,
        content_hash="v",
        path=Path("/v.mp4"),
        stamp=FileStamp(1, 1, 1),
        probe=Probe(MediaKind.VIDEO, 20.0),
        frame_drafts=drafts,
        text_passages=[],
        plan=[],
    )


def test_a_sequence_has_the_priority_of_its_best_frame(library: Library) -> None:
    video = add_video(library)
    assert sequences.queue(library, video) == 2
    assert sequences.queue(library, video) == 2  # again: nothing is planned twice
    job = jobs.claim(library, JobKind.WATCH, worker="me", now=1.0, lease_s=9.0)
    second = sequences.of_video(library, video)[1]
    assert job is not None
    assert job.target == second.frames[0].id  # it holds the representative frame
    assert jobs.counts(library)[JobKind.WATCH, JobState.QUEUED] == 1


def test_a_new_action_replaces_the_old_one_and_leaves_the_scene(library: Library) -> None:
    video = add_video(library)
    sequence = sequences.of_video(library, video)[0]
    made = Provenance("ollama", "llava:7b", "d", "watch-1")
    for text in ("Someone enters.", "Someone leaves."):
        sequences.store_action(library, sequence, text, made)
    (action,) = passages.of_video(library, video, [PassageKind.ACTION])
    assert (action.text, action.start, action.end) == ("Someone leaves.", 0.0, 16.0)
    sequences.store_action(library, sequence, "", made)
    assert passages.of_video(library, video) == []


def test_unverified_actions_are_watched_again(library: Library) -> None:
    video = add_video(library)
    sequences.queue(library, video)
    sequence = sequences.of_video(library, video)[0]
    for _ in range(2):
        job = jobs.claim(library, JobKind.WATCH, worker="me", now=1.0, lease_s=9.0)
        assert job is not None
        jobs.finish(library, job)
    sequences.store_action(library, sequence, "Lies.", Provenance("ollama", "m", "d", "watch-1"), visible=False)
    assert sequences.requeue_unverified(library) == 1
    assert library.number("SELECT count(*) FROM passages") == 0
    assert jobs.counts(library)[JobKind.WATCH, JobState.QUEUED] == 1


def test_stale_actions_are_watched_again_and_stay_until_then(library: Library) -> None:
    video = add_video(library)
    sequence = sequences.of_video(library, video)[0]
    sequences.store_action(library, sequence, "Someone enters.", Provenance("ollama", "old", "d", "watch-1"))
    assert stale.requeue_stale_sequences(library, "old", ["watch-1"]) == 0
    assert stale.requeue_stale_sequences(library, "new", ["watch-1"], [video + 1]) == 0
    assert stale.requeue_stale_sequences(library, "new", ["watch-1"]) == 1
    assert len(passages.of_video(library, video)) == 1
