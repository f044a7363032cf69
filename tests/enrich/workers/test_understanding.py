"""From captions, speech and OCR of a video to its tags, chapters and summary."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.fake_faults import say
from tests.support.fake_models import Model
from tests.support.fake_ollama import Asked, FakeOllama
from tests.support.wedding_film import SAID, add_film, deep, engines_on
from vidlocal.engines.prompts import prompt_escape, text_prompts
from vidlocal.enrich.run import enrich
from vidlocal.enrich.runner.queue_runner import EnrichProgress
from vidlocal.records import EnrichmentStatus, JobKind, JobState, MediaKind, Passage, PassageKind, TagKind
from vidlocal.store.content import frames, passages, stale, understanding, videos, vocabulary
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock
from vidlocal.store.queue import jobs


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    with FakeOllama() as running:
        yield running


def about_sections(server: FakeOllama) -> list[Asked]:
    return [asked for asked in server.asked("/api/chat") if "Notes from" in asked.prompt]


def about_text(server: FakeOllama) -> list[Asked]:
    return [asked for asked in server.asked("/api/chat") if asked.body["model"].startswith("phi")]


def tags(library: Library, video: int, kind: TagKind) -> set[str]:
    return {tag.tag for tag in understanding.tags(library, video) if tag.kind is kind}


def test_a_video_gets_tags_people_places_and_its_event(library: Library, server: FakeOllama) -> None:
    video = add_film(library)
    summary = deep(library, server)
    assert {"bride", "groom", "priest"} <= tags(library, video, TagKind.PERSON)
    assert {"church", "garden"} <= tags(library, video, TagKind.PLACE)
    assert tags(library, video, TagKind.KEYWORD)
    event, excitement = understanding.event_of(library, video)
    assert event == "wedding"
    assert excitement is not None
    assert 0 < excitement < 1
    assert not summary.remaining
    stored = videos.get(library, video)
    assert stored is not None
    assert stored.enrichment_status is EnrichmentStatus.ENRICHED


def test_a_video_gets_a_summary_and_chapters_over_all_of_it(library: Library, server: FakeOllama) -> None:
    video = add_film(library)
    deep(library, server)
    whole, *parts = sorted(
        passages.of_video(library, video, [PassageKind.SUMMARY]), key=lambda request: request.start - request.end
    )
    assert (whole.start, whole.end) == (0.0, 600.0)
    assert whole.prompt_version == text_prompts.TEXT_PROMPT_VERSION
    chapters = understanding.chapters(library, video)
    assert len(chapters) == len(parts) > 1
    assert chapters[0].start == 0.0
    assert chapters[-1].end == 600.0
    assert all(before.end == after.start for before, after in pairwise(chapters))
    assert all(chapter.title and chapter.text.startswith(chapter.title) for chapter in chapters)
    assert max(chapter.excitement or 0 for chapter in chapters) > min(chapter.excitement or 0 for chapter in chapters)


def citations(library: Library, passage_id: int) -> list[int]:
    return [row[0] for row in library.rows("SELECT rests_on FROM grounds WHERE passage_id = ?", passage_id)]


def test_everything_rests_on_passages_of_the_video(library: Library, server: FakeOllama) -> None:
    other = add_film(library, name="other")
    video = add_film(library)
    deep(library, server)
    given = {passage.id for passage in understanding.evidence(library, video)}
    made = passages.of_video(library, video, [PassageKind.SUMMARY])
    cited = [citations(library, passage.id or 0) for passage in made]
    assert all(cited)
    assert {passage_id for ids in cited for passage_id in ids} <= given
    assert all(tag.citations and set(tag.citations) <= given for tag in understanding.tags(library, video))
    assert understanding.tags(library, other)


def test_speech_alone_is_tagged_and_summed_up(library: Library, server: FakeOllama) -> None:
    video = add_film(library, pictures=0, media=MediaKind.AUDIO, kind=PassageKind.SPEECH)
    deep(library, server)
    assert understanding.event_of(library, video)[0] == "wedding"
    assert passages.of_video(library, video, [PassageKind.SUMMARY])


def test_a_short_video_has_a_summary_and_no_chapters(library: Library, server: FakeOllama) -> None:
    video = add_film(library, said=SAID[:1], duration=14.0)
    deep(library, server)
    assert len(passages.of_video(library, video, [PassageKind.SUMMARY])) == 1
    assert understanding.chapters(library, video) == []
    assert len(about_sections(server)) == 1  # tags and summary are made of the same section


def test_empty_video_is_done_without_a_request(library: Library, server: FakeOllama) -> None:
    add_film(library, said=(), pictures=0)
    summary = deep(library, server)
    assert about_text(server) == []
    assert not summary.remaining


def test_late_words_are_understood_late(library: Library, server: FakeOllama) -> None:
    video = add_film(library, said=(), pictures=0)
    deep(library, server)
    passages.add(library, video, [Passage(1.0, 2.0, PassageKind.SPEECH, "A wedding in a church.")])
    deep(library, server)
    assert understanding.event_of(library, video)[0] == "wedding"


def test_small_growth_keeps_the_calibration(library: Library, server: FakeOllama) -> None:
    video = add_film(library)
    deep(library, server)
    asked = len(about_text(server))
    passages.add(library, video, [Passage(5.5, 6.0, PassageKind.NOTE, "My aunt.")])
    deep(library, server)
    assert len(about_text(server)) == asked
    passages.add(library, video, [Passage(5.5, 6.0, PassageKind.NOTE, f"Aunt {at}.") for at in range(20)])
    deep(library, server)
    again = about_text(server)[asked:]
    assert (
        len([request for request in again if "Notes from" in request.prompt]) == 1
    )  # the section with the notes, no other
    assert "Aunt 3." in again[0].prompt


def test_photo_captioned_in_fields_needs_no_request(library: Library, server: FakeOllama) -> None:
    video = add_film(library, said=(), pictures=1, media=MediaKind.PHOTO, duration=0.0)
    deep(library, server)
    assert about_text(server) == []
    assert tags(library, video, TagKind.TAG)
    assert JobKind.SUMMARISE not in {kind for kind, _ in jobs.counts(library)}


def test_the_text_model_makes_the_fields_of_plain_descriptions(library: Library, server: FakeOllama) -> None:
    server.models["llava:7b"] = Model("llava:7b", ("completion", "vision"), obeys_schema=False)
    video = add_film(library, said=())
    deep(library, server)
    assert tags(library, video, TagKind.TAG)
    (row, *_) = library.rows("SELECT local_tags FROM enriched_frames WHERE video_id = ?", video)
    assert json.loads(row["local_tags"])


def test_synonyms_share_a_tag_in_the_whole_library(library: Library, server: FakeOllama) -> None:
    first = add_film(library, name="first", said=[(1.0, "One child plays with the automobile and a car.")], pictures=0)
    deep(library, server)
    second = add_film(library, name="second", said=[(1.0, "A kid and some kids with two automobiles.")], pictures=0)
    deep(library, server)
    for video in (first, second):
        assert "child" in tags(library, video, TagKind.PERSON)
        assert {"automobile", "automobiles", "kid", "kids"}.isdisjoint(tags(library, video, TagKind.TAG))
        assert "car" in tags(library, video, TagKind.TAG)
    assert vocabulary.lookup(library, ["kid"]) == {"kid": "child"}


def test_known_words_are_not_asked_about_again(library: Library, server: FakeOllama) -> None:
    add_film(library, name="first", pictures=0)
    deep(library, server)
    asked = [request for request in about_text(server) if "New words" in request.prompt]
    add_film(library, name="second", pictures=0)
    deep(library, server)
    assert len([request for request in about_text(server) if "New words" in request.prompt]) == len(asked)


@pytest.mark.parametrize("num_ctx", [2048, 4096])
def test_every_question_fits_into_the_context(library: Library, server: FakeOllama, num_ctx: int) -> None:
    talk = [
        (float(at), f"{at} " + " ".join(f"{word}{at}" for word in ("結婚式", "bride", "garden", "cake")[: at % 5]))
        for at in range(0, 3000, 3)
    ]
    add_film(library, said=talk, pictures=0, duration=3000.0)
    deep(library, server, num_ctx=num_ctx)
    asked = about_text(server)
    assert len(about_sections(server)) > 10
    assert understanding.chapters(library, 1)
    for request in asked:
        system, message = request.body["messages"]
        needed = prompt_escape.estimate_tokens(system["content"]) + prompt_escape.estimate_tokens(message["content"])
        assert needed + request.body["options"]["num_predict"] <= num_ctx == request.body["options"]["num_ctx"]


def test_eight_hours_are_bounded(library: Library, server: FakeOllama) -> None:
    talk = [(float(at), f"Sentence {at} of the bride.") for at in range(0, 8 * 3600, 30)]
    add_film(library, said=talk, pictures=0, duration=8 * 3600.0)
    deep(library, server)
    assert len(about_sections(server)) == 48
    assert len(about_text(server)) < 60


def test_an_interrupted_run_asks_about_no_section_twice(library: Library, server: FakeOllama) -> None:
    video = add_film(library, pictures=0)

    seen: list[str] = []
    server.choose = lambda asked: seen.append(asked.prompt)
    with pytest.raises(KeyboardInterrupt):
        deep_until(library, server, sections=3)
    assert library.number("SELECT count(*) FROM sections") == 3
    assert JobState.RUNNING not in {state for _, state in jobs.counts(library)}
    deep(library, server)
    asked = [prompt for prompt in seen if "Notes from" in prompt]
    assert len(asked) == len(set(asked)) == 5
    assert len(understanding.chapters(library, video)) > 1


def deep_until(library: Library, server: FakeOllama, *, sections: int) -> None:
    def stop(at: EnrichProgress) -> None:
        if at.kind is JobKind.TAG and at.done == sections:
            raise KeyboardInterrupt

    with engines_on(server) as engines, ProcessLock(library.folder) as lock:
        enrich(library, engines, lock, on_progress=stop)


def test_two_runs_over_the_same_film_say_the_same(tmp_path: Path, server: FakeOllama) -> None:
    outcomes = []
    for name in ("one", "two"):
        with Library.open(tmp_path / name, create=True) as library:
            video = add_film(library)
            deep(library, server)
            outcomes.append(
                (
                    [
                        (request.start, request.end, request.kind, request.text)
                        for request in passages.of_video(library, video)
                    ],
                    understanding.tags(library, video),
                    understanding.chapters(library, video),
                    understanding.event_of(library, video),
                )
            )
    assert outcomes[0] == outcomes[1]


def test_without_the_text_model_the_rest_is_done_and_its_jobs_wait(library: Library, server: FakeOllama) -> None:
    video = add_film(library)
    summary = deep(library, server, writes=False)
    assert summary.remaining == {JobKind.TAG: 1, JobKind.SUMMARISE: 1}
    assert passages.of_video(library, video, [PassageKind.SCENE])
    stored = videos.get(library, video)
    assert stored is not None
    assert stored.enrichment_status is not EnrichmentStatus.ENRICHED
    assert not deep(library, server).remaining


def test_tags_wait_for_the_representative_frames_only(library: Library, server: FakeOllama) -> None:
    video = add_film(library)
    library.connection.execute("UPDATE frames SET rank = NULL WHERE time > 4")
    library.connection.execute("UPDATE jobs SET not_before = 9e12 WHERE kind = 'describe' AND target > 3")
    deep(library, server, only=[JobKind.TAG])
    assert about_sections(server) == []
    done = "UPDATE jobs SET state = 'done' WHERE kind = 'describe' AND target <= 3"
    library.connection.execute(done)
    deep(library, server, only=[JobKind.TAG])
    assert about_sections(server)
    assert understanding.tags(library, video)


def test_one_kind_of_work_can_be_asked_for(library: Library, server: FakeOllama) -> None:
    video = add_film(library, pictures=0)
    deep(library, server, only=[JobKind.SUMMARISE])
    assert passages.of_video(library, video, [PassageKind.SUMMARY])
    assert understanding.tags(library, video) == []
    asked = len(about_sections(server))
    deep(library, server, only=[JobKind.TAG])
    assert understanding.tags(library, video)
    assert len(about_sections(server)) == asked  # both are made of the same sections


def test_models_take_turns_in_long_stretches(library: Library, server: FakeOllama) -> None:
    for name in ("one", "two", "three"):
        add_film(library, name=name)
    deep(library, server)
    # The check before what was described is shown costs the second look.
    assert server.loads["phi3.5:latest"] == 1
    assert server.loads["llava:7b"] <= 2


def test_a_section_of_no_use_sets_the_video_aside_not_the_run(library: Library, server: FakeOllama) -> None:
    add_film(library, name="bad", pictures=0, said=[(1.0, "poison")])
    good = add_film(library, name="good", pictures=0)
    server.choose = lambda asked: say("{}") if "poison" in asked.prompt else None
    summary = deep(library, server)
    assert {failure.kind for failure in jobs.failures(library)} == {JobKind.TAG, JobKind.SUMMARISE}
    assert summary.failed == 2
    assert understanding.chapters(library, good)


def test_model_with_only_unusable_answers_stops_without_charging_attempts(library: Library, server: FakeOllama) -> None:
    for number in range(12):
        add_film(library, name=f"film {number}", pictures=0)
    server.choose = lambda asked: say("blah") if "lines: " in asked.prompt else None
    summary = deep(library, server)
    assert any("the model is at fault" in note for note in summary.notes)
    assert summary.remaining[JobKind.TAG] == 12
    assert library.number("SELECT sum(attempts) FROM jobs") == 0


def test_another_model_reads_the_sections_anew(library: Library, server: FakeOllama) -> None:
    video = add_film(library, pictures=0)
    deep(library, server)
    asked = len(about_sections(server))
    version = text_prompts.TEXT_PROMPT_VERSION
    assert stale.requeue_stale_summaries(library, "phi3.5", version) == 0
    assert stale.requeue_stale_summaries(library, "phi3.5:latest", "text-0") == 1
    deep(library, server)
    assert len(about_sections(server)) == asked  # same notes, same model, same words
    library.connection.execute("UPDATE sections SET fingerprint = 'of another model', model = 'gemma3:4b'")
    assert stale.requeue_stale_summaries(library, "phi3.5:latest", version, [video]) == 1
    deep(library, server)
    assert len(about_sections(server)) == 2 * asked


def test_a_removed_video_leaves_no_word_behind(library: Library, server: FakeOllama) -> None:
    video = add_film(library, said=[(1.0, "Xylophonist plays.")], pictures=0)
    deep(library, server)
    assert b"xylophonist" in _bytes(library).lower()
    videos.remove(library, video, purge=True)
    assert b"xylophonist" not in _bytes(library).lower()


def _bytes(library: Library) -> bytes:
    wal = library.path.with_name(library.path.name + "-wal")
    return library.path.read_bytes() + (wal.read_bytes() if wal.exists() else b"")


def test_frames_described_again_are_understood_again(library: Library, server: FakeOllama) -> None:
    video = add_film(library)
    deep(library, server)
    before = len(about_sections(server))
    stale.requeue_frames(library, [frame.id for frame in frames.of_video(library, video)][:1])
    deep(library, server)
    assert len(about_sections(server)) == before + 1  # the first section; the others rest on what they rested on
    assert understanding.tags(library, video)


def test_notes_too_long_for_the_model_are_asked_about_in_smaller_parts(library: Library, server: FakeOllama) -> None:
    server.models["phi3.5:latest"] = replace(server.models["phi3.5:latest"], context_length=1_000)
    topics = ["the bride and her dress", "a long trip to the sea", "how he met her", "what to eat", "an old song"]
    said = [
        (5.0 * n, f"guest {n} tells table {n + 7} about {topics[n % 5]}, and all of them laugh a lot")
        for n in range(90)
    ]
    video = add_film(library, said=said, pictures=1, duration=450.0)
    summary = deep(library, server, only=[JobKind.TAG, JobKind.SUMMARISE, JobKind.DESCRIBE, JobKind.WATCH])
    assert summary.failed == 0
    assert len(about_sections(server)) > 1
    assert passages.of_video(library, video, [PassageKind.SUMMARY])
