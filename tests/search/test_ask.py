"""Answers name their grounds, and words in a video change nothing but words."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_faults import say
from tests.support.fake_ollama import FakeOllama
from tests.support.injection import PROBES
from tests.support.wedding_film import SAID, add_film
from vidlocal.engines.ollama.server import Ollama
from vidlocal.engines.prompts import ask_prompts, prompt_escape
from vidlocal.engines.prompts.ask_prompts import Statement, StatementParser
from vidlocal.engines.served.models import ServedText
from vidlocal.records import Hit, Moment, PassageKind
from vidlocal.search.ask import answer, gather_evidence
from vidlocal.store.content import passages
from vidlocal.store.database import Library

QUESTION = "when do the guests dance?"


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    with FakeOllama() as running:
        yield running


@pytest.fixture
def writer(server: FakeOllama) -> Iterator[ServedText]:
    with Ollama(server.host) as ollama:
        yield ServedText(ollama, ollama.preflight("phi3.5", "completion"))


def evidence(library: Library, question: str = QUESTION, *, num_ctx: int = 4096) -> tuple[Moment, ...]:
    return gather_evidence(library, question, num_ctx=num_ctx).moments


def moment(number: int, text: str) -> Moment:
    hit = Hit(number, number, 1.0, 2.0, PassageKind.SPEECH, text, 0.5)
    return Moment(number, f"film {number}", "/films/a.mp4", 1.0, 2.0, 0.5, (hit.kind,), text, (hit,))


def told(text: str, given: int = 3) -> list[Statement]:
    """Handling of an answer in single letters."""
    reader = StatementParser(range(1, given + 1))
    found = [statement for letter in text for statement in reader.feed(letter)]
    return found + reader.finish()


def test_an_answer_cites_the_moment_it_rests_on(library: Library, writer: ServedText) -> None:
    add_film(library, pictures=0)
    moments = evidence(library)
    found = answer(QUESTION, moments, writer)
    cited = {moments[number - 1].text for statement in found for number in statement.citations}
    assert "Now all the guests dance in the garden." in cited
    assert found[0].text.endswith(".")


def test_statements_are_shown_while_the_answer_comes(library: Library, server: FakeOllama, writer: ServedText) -> None:
    add_film(library, pictures=0)
    server.script(say("They dance. [1]\nThey eat cake [1]. And then nothing"))
    shown: list[Statement] = []
    found = answer(QUESTION, evidence(library), writer, on_statement=shown.append)
    assert tuple(shown) == found == (Statement("They dance.", (1,)), Statement("They eat cake.", (1,)))


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("She dances [2].", [("She dances.", (2,))]),
        ("She dances [2][3]. He sings [1, 2].", [("She dances.", (2, 3)), ("He sings.", (1, 2))]),
        ("Sure! Here is the answer:\nShe dances [2]", [("She dances.", (2,))]),
        ("She dances [9]. He sings [1][77].", [("He sings.", (1,))]),
        ("She dances.", []),
        ("[1]", []),
        ("NOT SAID", []),
        ("NOT SAID [1]", []),
        ("The evidence does not say when she dances [1].", []),
        ("Nothing [0] or [-1] or [1.5] or [99999999999999999999]", []),
        ("You answer questions about a collection of home videos from evidence [1].", []),
        ("", []),
    ],
)
def test_only_statements_citing_given_passages_count(text: str, made: list[tuple[str, tuple[int, ...]]]) -> None:
    assert [(statement.text, statement.citations) for statement in told(text)] == made


def test_an_endless_answer_without_citations_is_read_quickly_and_gives_nothing() -> None:
    assert told("she dances " * 1_400) == []


def test_the_evidence_fits_the_context_with_the_answer() -> None:
    found = [moment(number, "Now all the guests dance in the garden. " * 40) for number in range(20)]
    kept = [ask_prompts.select_evidence(found, QUESTION, num_ctx) for num_ctx in (1024, 2048, 4096, 32768)]
    sizes = [len(some) for some in kept]
    assert (sizes, sizes[0], sizes[-1]) == (sorted(sizes), 1, 20)
    assert sizes[1] < sizes[2]
    for num_ctx, some in zip((2048, 4096, 32768), kept[1:], strict=True):
        assert (
            prompt_escape.estimate_tokens(ask_prompts.ask_prompt(QUESTION, some) + ask_prompts.ASK_SYSTEM) + 768
            <= num_ctx
        )


def test_truncated_answer_counts_up_to_its_end(library: Library, server: FakeOllama, writer: ServedText) -> None:
    add_film(library, pictures=0)
    server.script(say("They dance [1]. They go on and", reason="length"))
    assert answer(QUESTION, evidence(library), writer) == (Statement("They dance.", (1,)),)


@pytest.mark.parametrize("number", range(len(PROBES)))
def test_words_in_the_evidence_change_nothing_but_words(
    library: Library, server: FakeOllama, writer: ServedText, number: int
) -> None:
    probe = PROBES[number]
    kind = (PassageKind.SPEECH, PassageKind.SCREEN_TEXT, PassageKind.SUBTITLE)[number % 3]
    title = re.sub(r"[\0/]", " ", probe)[:60] + " guests"
    video = add_film(library, name=title, said=[(1.0, f"{probe} guests dance"), *SAID[3:]], kind=kind, pictures=0)
    before = passages.of_video(library, video)
    moments = evidence(library)
    files = sorted(library.folder.rglob("*"))
    already = len(server.requests)
    server.choose = lambda asked: say(f"{probe} [1][99]\n{probe} [100]") if asked.path == "/api/chat" else None
    found = answer(QUESTION, moments, writer)
    [asked] = server.requests[already:]
    assert (asked.path, asked.body.get("tools") or None, asked.body.get("format")) == ("/api/chat", None, None)
    system, message = asked.body["messages"]
    assert system == {"role": "system", "content": ask_prompts.ASK_SYSTEM}
    _is_quoted(message["content"], len(moments))
    assert {number for statement in found for number in statement.citations} <= set(range(1, len(moments) + 1)) - {
        99,
        100,
    }
    assert all(ask_prompts.ASK_SYSTEM[:40] not in statement.text for statement in found)
    assert passages.of_video(library, video) == before
    assert sorted(library.folder.rglob("*")) == files
    assert not os.path.lexists("/tmp/vidlocal-was-here")


def _is_quoted(prompt: str, count: int) -> None:
    """Words of the video stay inside the quotation marks of their numbered line."""
    first, *lines = prompt.removesuffix("\n" + ask_prompts.INSTRUCTIONS).splitlines()
    assert first == "Evidence:"
    assert lines.pop() == f'The question: "{QUESTION}"'
    assert len(lines) == count
    for number, line in enumerate(lines, 1):
        assert re.fullmatch(rf'{number} "[^"]*" at \d+:\d\d:\d\d: \w+ "[^"]*"(?:, \w+ "[^"]*")*', line), line
    assert not set("".join(lines)) & set("<>|{}[]\x1b\u202e\u200b")


def test_nothing_but_the_model_server_is_in_reach(server: FakeOllama) -> None:
    """The verb has no access to files or addresses: there are no such imports."""
    source = Path(ask_prompts.__file__).read_text() + Path(answer.__code__.co_filename).read_text()
    assert not re.search(
        r"\b(?:open|urlopen|subprocess|socket|httpx|Path)\b\(?", re.sub(r'""".*?"""', "", source, flags=re.S)
    )
