"""Sequences of frames: images and questions for the model, and stored actions."""

import io
from collections.abc import Iterator
from dataclasses import replace

import pytest
from PIL import Image

from tests.support.fake_faults import broken, say
from tests.support.fake_models import CATALOGUE, Model
from tests.support.fake_ollama import Asked, FakeOllama
from tests.support.wedding_film import add_film, deep
from vidlocal.engines.prompts import text_prompts
from vidlocal.records import EnrichmentStatus, JobKind, JobState, PassageKind, Provenance
from vidlocal.store.content import frames, passages, sequences, videos
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.queue import jobs

NO_JSON = Model("llava:7b", ("completion", "vision"), obeys_schema=False)


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    with FakeOllama() as running:
        yield running


def watched(server: FakeOllama) -> list[Asked]:
    return [asked for asked in server.asked("/api/chat") if "first to last" in asked.prompt and asked.picture]


def test_a_strip_becomes_an_action_with_its_span_and_source(library: Library, server: FakeOllama) -> None:
    video = add_film(library)
    deep(library, server)
    (action,) = passages.of_video(library, video, [PassageKind.ACTION])
    (strip,) = sequences.of_video(library, video)
    assert action.text.startswith("Something moves across.")
    assert (action.start, action.end) == (strip.start, strip.end) == (0.0, 10.0)
    assert (action.model, action.prompt_version) == ("llava:7b", text_prompts.WATCH_PROMPT_VERSION)
    assert jobs.counts(library)[JobKind.WATCH, JobState.DONE] == 1
    stored = videos.get(library, video)
    assert stored is not None
    assert stored.enrichment_status is EnrichmentStatus.ENRICHED


def test_single_image_model_gets_a_contact_sheet(library: Library, server: FakeOllama) -> None:
    add_film(library)
    deep(library, server)
    (asked,) = watched(server)
    assert len(asked.body["messages"][1]["images"]) == 1
    assert "6 pictures on one sheet" in asked.prompt
    assert asked.body["options"]["num_ctx"] == 4096
    assert Image.open(io.BytesIO(asked.picture or b"")).size > (100, 100)


def test_multi_image_model_gets_images_in_order_within_its_context(library: Library, server: FakeOllama) -> None:
    server.models["llava:7b"] = replace(server.models["llava:7b"], takes_several=True)
    add_film(library)
    deep(library, server, num_ctx=16_384)
    (asked,) = watched(server)
    assert len(asked.body["messages"][1]["images"]) == 6
    assert "6 pictures in order, taken at 0:00, 0:02, 0:04, 0:06, 0:08, 0:10" in asked.prompt


def test_without_room_the_same_model_gets_a_sheet(library: Library, server: FakeOllama) -> None:
    server.models["llava:7b"] = replace(server.models["llava:7b"], takes_several=True)
    add_film(library)
    deep(library, server)
    assert len(watched(server)[0].body["messages"][1]["images"]) == 1


def test_whether_a_model_takes_several_is_found_out_once(library: Library, server: FakeOllama) -> None:
    add_film(library, name="first")
    deep(library, server)
    digest = server.models["llava:7b"].sha
    assert facts.get(library, facts.multi_image_key(digest)) == facts.NO
    asked = [request for request in server.asked("/api/chat") if "in the order" in request.prompt]
    add_film(library, name="second")
    deep(library, server)
    assert (
        len([request for request in server.asked("/api/chat") if "in the order" in request.prompt]) == len(asked) == 1
    )


def test_speech_and_text_on_screen_are_quoted(library: Library, server: FakeOllama) -> None:
    add_film(library, said=[(3.0, 'She says "yes"\nto him'), (99.0, "Much later")])
    deep(library, server)
    prompt = watched(server)[0].prompt
    assert "1 0:03 said \"She says 'yes' to him\"" in prompt
    assert "Much later" not in prompt


def test_uneventful_sequences_make_no_passage(library: Library, server: FakeOllama) -> None:
    video = add_film(library)
    server.choose = lambda asked: say('{"happens": false, "action": "", "tags": []}') if watched_by(asked) else None
    deep(library, server)
    assert passages.of_video(library, video, [PassageKind.ACTION]) == []
    assert jobs.counts(library)[JobKind.WATCH, JobState.DONE] == 1


def watched_by(asked: Asked) -> bool:
    return asked.picture is not None and "first to last" in asked.prompt


def test_a_model_without_json_is_asked_for_sentences(library: Library, server: FakeOllama) -> None:
    server.models["llava:7b"] = NO_JSON
    video = add_film(library)
    deep(library, server)
    (action,) = passages.of_video(library, video, [PassageKind.ACTION])
    assert action.prompt_version == f"{text_prompts.WATCH_PROMPT_VERSION}-plain"
    assert [asked.body.get("format") for asked in watched(server)] == [None]  # known from describing


def test_a_sheet_its_runner_crashes_on_is_shown_once_more_smaller(library: Library, server: FakeOllama) -> None:
    video = add_film(library)
    crashed: list[Asked] = []

    def crash_once(asked: Asked) -> object:
        if watched_by(asked) and not crashed:
            crashed.append(asked)
            return broken()
        return None

    server.choose = crash_once  # type: ignore[assignment]
    deep(library, server)
    assert len(passages.of_video(library, video, [PassageKind.ACTION])) == 1
    assert jobs.failures(library) == []


def test_an_answer_of_no_use_sets_the_strip_aside_and_nothing_else(library: Library, server: FakeOllama) -> None:
    add_film(library)
    server.choose = lambda asked: say("") if watched_by(asked) else None
    summary = deep(library, server)
    assert [failure.kind for failure in jobs.failures(library)] == [JobKind.WATCH]
    assert summary.failed == 1
    assert not summary.remaining


def test_a_lost_picture_is_named(library: Library, server: FakeOllama) -> None:
    add_film(library)
    deep(library, server, only=[JobKind.DESCRIBE])
    (library.frames_folder / "wedding" / "3.jpg").unlink()
    deep(library, server, only=[JobKind.WATCH])
    (failure,) = jobs.failures(library)
    assert "3.jpg" in failure.reason


def test_sequences_watched_by_a_blind_model_are_redone(library: Library, server: FakeOllama) -> None:
    """Actions stay hidden until the next passed check."""
    video = add_film(library)
    strip = sequences.of_video(library, video)[0]
    job = jobs.claim(library, JobKind.WATCH, worker="gone", now=1.0, lease_s=1.0)
    assert job is not None
    with library.writing():
        made = Provenance("ollama", "another", "another-digest", "watch-1")
        sequences.store_action(library, strip, "A ghost walks by.", made, visible=False)
        jobs.finish(library, job)
    deep(library, server)
    (action,) = passages.of_video(library, video, [PassageKind.ACTION])
    assert "ghost" not in action.text


def test_an_engine_broken_by_several_pictures_costs_no_frame_and_is_no_answer(library: Library) -> None:
    fragile = replace(CATALOGUE["llava:7b"], takes_several=True, breaks=True)
    with FakeOllama([fragile, "phi3.5:latest", "embeddinggemma:latest"]) as server:
        video = add_film(library, pictures=4)
        summary = deep(library, server, num_ctx=16_384)
    assert summary.failed == 0
    assert len(passages.of_video(library, video, [PassageKind.ACTION])) == 1
    assert frames.coverage(library, video).described == 4
    assert facts.get(library, facts.multi_image_key(fragile.sha)) is None
    assert any("was loaded again 2 times, because the server failed" in note for note in summary.notes)
