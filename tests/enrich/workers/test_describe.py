"""A frame on its way from picture to searchable text."""

import io
import time
from collections.abc import Iterator

import pytest
from PIL import Image

from tests.support.fake_ollama import CATALOGUE, FakeOllama, Model, broken, caption, hang, say
from tests.support.films import PLAIN_COLOURS, add_colours
from tests.support.images import plain_colour
from vidlocal.engines.base import ImageRejected
from vidlocal.engines.ollama.server import Ollama
from vidlocal.engines.ollama.transport import Timeouts
from vidlocal.engines.prompts import vision_prompts
from vidlocal.engines.served.models import ServedVision
from vidlocal.enrich.runner.pool import Host
from vidlocal.enrich.workers.describe import Describer, schema_key
from vidlocal.errors import AnswerRejected, EngineUnreachable, MediaError
from vidlocal.records import Job, JobKind, JobState, PassageKind
from vidlocal.store.content import frames, passages, videos
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

PATIENCE = Timeouts(first_byte=2.0)


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    with FakeOllama(CATALOGUE.values()) as running:
        yield running


@pytest.fixture
def vision(server: FakeOllama) -> Iterator[ServedVision]:
    with Ollama(server.host, timeouts=PATIENCE) as ollama:
        yield ServedVision(ollama, ollama.preflight("llava:7b", "vision"))


def next_job(library: Library) -> Job:
    job = jobs.claim(library, JobKind.DESCRIBE, worker="me", now=time.monotonic(), lease_s=900.0)
    assert job is not None
    return job


def describe(library: Library, job: Job, vision: ServedVision) -> str:
    """Describe a frame in all three steps, as in a new run."""
    describer = Describer(library)
    describer.load_trials(vision)
    task = describer.prepare(job)
    return "" if task is None else task.store(task.request.perform(Host("here", vision, None, lambda: True)))


def speaks_plainly(library: Library, vision: ServedVision) -> bool:
    describer = Describer(library)
    describer.load_trials(vision)
    return schema_key(vision) in describer.plain_models()


def described(library: Library) -> int:
    return jobs.counts(library).get((JobKind.DESCRIBE, JobState.DONE), 0)


def test_a_description_is_stored_with_its_span_tags_and_source(library: Library, vision: ServedVision) -> None:
    video = add_colours(library)
    text = describe(library, next_job(library), vision)
    assert text == caption(plain_colour(PLAIN_COLOURS[0], side_px=100))
    (scene,) = passages.of_video(library, video, [PassageKind.SCENE])
    assert scene.text.startswith(text)
    assert (scene.start, scene.end) == (0.0, 4.0)
    assert (scene.engine, scene.model, scene.prompt_version) == ("ollama", "llava:7b", vision_prompts.PROMPT_VERSION)
    assert described(library) == 1
    assert frames.coverage(library).described == 2  # the frame and its repeat


def test_each_frame_is_described_by_its_own_picture(library: Library, vision: ServedVision) -> None:
    video = add_colours(library)
    for _ in PLAIN_COLOURS:
        describe(library, next_job(library), vision)
    texts = [scene.text for scene in passages.of_video(library, video, [PassageKind.SCENE])]
    assert [word for text in texts for word in ("red", "green", "blue", "yellow", "black", "white") if word in text][
        :4
    ] == [
        "red",
        "green",
        "blue",
        "yellow",
    ]
    assert len(set(texts)) == len(PLAIN_COLOURS)


@pytest.mark.parametrize(("behaviour", "kind"), [(say("", reason="load"), AnswerRejected), (hang(), AnswerRejected)])
def test_a_failed_frame_stores_nothing_and_leaves_its_job_to_the_caller(
    library: Library, server: FakeOllama, vision: ServedVision, behaviour: object, kind: type[Exception]
) -> None:
    video = add_colours(library)
    server.script(behaviour)  # type: ignore[arg-type]
    with pytest.raises(kind):
        describe(library, next_job(library), vision)
    assert passages.of_video(library, video) == []
    assert jobs.counts(library)[JobKind.DESCRIBE, JobState.RUNNING] == 1


def test_an_unreachable_server_passes_through(library: Library, server: FakeOllama, vision: ServedVision) -> None:
    add_colours(library)
    server.down()
    with pytest.raises(EngineUnreachable):
        describe(library, next_job(library), vision)


def test_a_picture_its_runner_crashes_on_is_shown_once_more_smaller(
    library: Library, server: FakeOllama, vision: ServedVision
) -> None:
    add_colours(library)
    (library.folder / "frames/0.jpg").write_bytes(plain_colour(PLAIN_COLOURS[0], side_px=20))
    library.connection.execute("UPDATE frames SET image_crc = NULL WHERE image = 'frames/0.jpg'")
    server.script(broken(), broken())
    assert describe(library, next_job(library), vision)
    first, _, second = (Image.open(io.BytesIO(asked.picture or b"")) for asked in server.asked("/api/chat"))
    assert (first.size, second.size) == ((20, 20), (64, 64))


def test_a_poison_picture_costs_seven_requests_more_and_no_other_frame(
    library: Library, server: FakeOllama, vision: ServedVision
) -> None:
    """A single poison picture; all other frames succeed."""
    add_colours(library)
    server.choose = lambda asked: broken() if asked.picture and "yellow" in caption(asked.picture) else None
    while jobs.counts(library).get((JobKind.DESCRIBE, JobState.QUEUED)):
        job = next_job(library)
        try:
            describe(library, job, vision)
        except ImageRejected as error:
            jobs.fail(library, job, str(error))
    assert described(library) == len(PLAIN_COLOURS) - 1
    assert jobs.counts(library)[JobKind.DESCRIBE, JobState.FAILED] == 1
    assert len(server.asked("/api/chat")) == len(PLAIN_COLOURS) + 7
    assert "unexpectedly stopped" in jobs.failures(library)[0].reason


def test_schema_mismatch_is_retried_in_prose(library: Library, server: FakeOllama, vision: ServedVision) -> None:
    video = add_colours(library)
    server.script(say("{ not the schema"))
    assert describe(library, next_job(library), vision) == caption(plain_colour(PLAIN_COLOURS[0], side_px=100))
    (scene,) = passages.of_video(library, video, [PassageKind.SCENE])
    assert scene.prompt_version == vision_prompts.PLAIN_PROMPT_VERSION
    assert "schema" not in scene.text


def test_a_model_that_fails_the_schema_three_times_is_asked_for_sentences_only(
    library: Library, server: FakeOllama, vision: ServedVision
) -> None:
    add_colours(library)
    server.models["llava:7b"] = Model("llava:7b", ("completion", "vision"), obeys_schema=False)
    for asked in (2, 4, 6):
        assert not speaks_plainly(library, vision)
        assert describe(library, next_job(library), vision)
        assert len(server.asked("/api/chat")) == asked
    assert speaks_plainly(library, vision)
    describe(library, next_job(library), vision)
    assert len(server.asked("/api/chat")) == 7
    assert library.number("SELECT count(*) FROM tags") == 0


def test_only_the_first_five_frames_of_a_build_decide(
    library: Library, server: FakeOllama, vision: ServedVision
) -> None:
    add_colours(library)
    for misses in (True, True, False, False, False, True, True):
        if misses:
            server.script(say("words"))
        describe(library, next_job(library), vision)
    assert not speaks_plainly(library, vision)


def test_a_second_try_is_asked_with_another_seed(library: Library, server: FakeOllama, vision: ServedVision) -> None:
    add_colours(library)
    job = next_job(library)
    server.script(say("", reason="load"))
    with pytest.raises(AnswerRejected):
        describe(library, job, vision)
    jobs.fail(library, job, "no answer")
    describe(library, next_job(library), vision)
    first, second = (asked.body["options"]["seed"] for asked in server.asked("/api/chat"))
    assert first != second


@pytest.mark.parametrize("damage", ["missing", "torn"])
def test_a_lost_picture_is_named(library: Library, vision: ServedVision, damage: str) -> None:
    add_colours(library)
    job = next_job(library)
    picture = library.folder / "frames/0.jpg"
    picture.unlink()
    if damage == "torn":
        picture.write_bytes(b"\xff\xd8\xff")
    with pytest.raises((MediaError, AnswerRejected)):
        describe(library, job, vision)


def test_a_frame_removed_meanwhile_ends_quietly(library: Library, server: FakeOllama, vision: ServedVision) -> None:
    video = add_colours(library)
    job = next_job(library)
    videos.remove(library, video)
    assert describe(library, job, vision) == ""
    assert server.asked("/api/chat") == []


def test_a_new_description_replaces_the_old_one(library: Library, vision: ServedVision, server: FakeOllama) -> None:
    video = add_colours(library, 1)
    job = next_job(library)
    describe(library, job, vision)
    server.script(say('{"description": "Someone repaints the wall.", "tags": ["workman"]}'))
    describe(library, job, vision)
    (scene,) = passages.of_video(library, video, [PassageKind.SCENE])
    assert scene.text == "Someone repaints the wall. [workman]"
    assert [row["tag"] for row in library.rows("SELECT tag FROM tags")] == ["workman"]


@pytest.mark.parametrize("checksum", ["kept", "unknown"])
def test_a_truncated_image_is_not_shown_to_the_model(
    library: Library, server: FakeOllama, vision: ServedVision, checksum: str
) -> None:
    add_colours(library)
    path = library.folder / "frames/0.jpg"
    path.write_bytes(path.read_bytes()[:-40])
    if checksum == "unknown":
        library.connection.execute("UPDATE frames SET image_crc = NULL")
    with pytest.raises(MediaError, match=r"image is damaged. Run: vidlocal check --repair"):
        describe(library, next_job(library), vision)
    assert server.asked("/api/chat") == []
