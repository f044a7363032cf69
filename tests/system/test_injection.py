"""Instructions in a video change nothing but texts.

The pretended models obey every one of them: they answer with its words, cite what they were never shown, and ask for
tools. What is left is wrong text about the video it came from.
"""

import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import citations_of
from tests.support.fake_faults import say
from tests.support.fake_ollama import Asked, FakeOllama
from tests.support.fake_writer import NOTE
from tests.support.injection import PROBES, obeying
from tests.support.wedding_film import SAID, add_film, deep
from vidlocal.engines.prompts import text_prompts
from vidlocal.records import JobState, PassageKind
from vidlocal.store.content import passages, understanding
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

SECRET = "words in quotation marks were seen, heard or read"  # of our own prompt


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    with FakeOllama() as running:
        yield running


def untouched(folder: Path) -> dict[str, bytes]:
    """Every file outside the database, unchangeable by answers of models."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and stat.S_ISREG(path.stat().st_mode) and not path.name.startswith(("library.db", "vectors"))
    }


@pytest.mark.parametrize("number", range(len(PROBES)))
def test_words_in_a_video_change_nothing_but_words(library: Library, server: FakeOllama, number: int) -> None:
    probe = PROBES[number]
    bystander = add_film(library, name="bystander", pictures=0)
    deep(library, server)
    before = (understanding.tags(library, bystander), passages.of_video(library, bystander))
    kind = (PassageKind.SPEECH, PassageKind.SCREEN_TEXT, PassageKind.SUBTITLE)[number % 3]
    title = re.sub(r"[\0/]", " ", probe)[:60]
    video = add_film(library, name=title, said=[(1.0, probe), *SAID[1:3]], kind=kind, pictures=3)
    files = untouched(library.folder)
    already = len(server.requests)
    server.choose = obeying(probe)  # type: ignore[assignment]
    deep(library, server)
    _asks_only_what_it_always_asks(server.requests[already:])
    assert untouched(library.folder) == files
    assert not os.path.lexists("/tmp/vidlocal-was-here")
    assert (understanding.tags(library, bystander), passages.of_video(library, bystander)) == before
    _cites_only_what_was_given(library, video)
    assert JobState.RUNNING not in {state for _, state in jobs.counts(library)}
    if number == 0:  # so that this test is about something: the lie itself is stored, as text about this video
        assert any("cat video" in item.text for item in passages.of_video(library, video, [PassageKind.SUMMARY]))


def _asks_only_what_it_always_asks(requests: list[Asked]) -> None:
    """No tool, no other address, the same system prompts and options; the words of the video stay inside quotes."""
    for asked in requests:
        assert asked.path in ("/api/chat", "/api/embed", "/api/tags", "/api/show", "/api/version", "/api/generate")
        assert not asked.body.get("tools")
    for asked in (item for item in requests if item.path == "/api/chat" and len(item.body["messages"]) == 2):
        system, message = asked.body["messages"]
        assert (system["role"], message["role"]) == ("system", "user")
        for line in message["content"].splitlines():
            assert NOTE.fullmatch(line) or _is_ours(line), line
        assert not set(message["content"]) & set("<>|{}[]\x1b\u202e\u200b")


def _is_ours(line: str) -> bool:
    """True for a line of our own prompts, also with quoted words."""
    ours = "\n".join(
        [
            *(
                getattr(text_prompts, name)
                for name in dir(text_prompts)
                if isinstance(getattr(text_prompts, name), str)
            ),
            _PICTURE_PROMPTS,
        ]
    )
    bare = re.sub(r'"[^"]*"(?:, "[^"]*")*', '"', line)
    return line in ours or bool(
        re.fullmatch(
            r'The file is called "\.|Notes from \d[\d: to]*:|(?:Words in use|New words): "?'
            r"|You see \d+ pictures .*|A new shot begins at [\d:and ]+\.",
            bare,
        )
    )


def _cites_only_what_was_given(library: Library, video: int) -> None:
    given = {passage.id for passage in understanding.evidence(library, video)}
    for tag in understanding.tags(library, video):
        assert set(tag.citations) <= given
    for passage in passages.of_video(library, video, [PassageKind.SUMMARY]):
        assert set(citations_of(library, passage)) <= given
        assert SECRET not in passage.text


def _picture_prompts() -> str:
    from vidlocal.engines.prompts import vision_prompts
    from vidlocal.engines.served import canary, multi_image_probe

    return "\n".join(
        [
            vision_prompts.SCENE_PROMPT,
            vision_prompts.PLAIN_PROMPT,
            canary.QUESTION,
            multi_image_probe.QUESTION.format(count=3),
        ]
    )


_PICTURE_PROMPTS = _picture_prompts() + "\nIts parts:"


def test_there_are_thirty_probes() -> None:
    assert len(set(PROBES)) == 30


def test_answer_with_foreign_citations_is_refused(library: Library, server: FakeOllama) -> None:
    video = add_film(library, pictures=0)
    usual = {
        "summary": "A wedding.",
        "title": "A",
        "tags": [],
        "lines": [1000],
        "chapters": [{"title": "A", "first": 1}],
    }
    server.choose = lambda asked: say(json.dumps(usual)) if "lines: " in asked.prompt else None
    deep(library, server)
    assert len(jobs.failures(library)) == 2
    assert passages.of_video(library, video, [PassageKind.SUMMARY]) == []
    assert library.number("SELECT count(*) FROM sections") == 0


def test_a_model_that_repeats_its_instructions_is_refused(library: Library, server: FakeOllama) -> None:
    video = add_film(library, pictures=0)
    leak = {"summary": text_prompts.TEXT_SYSTEM, "title": "A", "lines": [1]}
    server.choose = lambda asked: say(json.dumps(leak)) if "lines: " in asked.prompt else None
    deep(library, server)
    assert passages.of_video(library, video, [PassageKind.SUMMARY]) == []
