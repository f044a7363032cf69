"""What models make of strips and notes, and what is not believed."""

import hashlib
import json
import random
from collections import Counter
from collections.abc import Sequence

import pytest

from vidlocal.engines import text_parser, text_prompts
from vidlocal.engines.base import SchemaMismatch
from vidlocal.errors import AnswerRejected
from vidlocal.records import ChaptersAnswer, TagKind

FINGERPRINT = {"watch-1": "294b043eed9ba97e", "text-1": "842b7d6380be4fb1"}


def section(**fields: object) -> str:
    whole: dict[str, object] = {
        "title": "The vows",
        "summary": "Bride and groom say their vows in a church.",
        "tags": ["wedding"],
        "people": ["bride", "groom"],
        "objects": [],
        "places": ["church"],
        "keywords": ["vows"],
        "event_type": "Wedding",
        "excitement": 0.7,
        "lines": [1, 3],
    }
    return json.dumps(whole | fields)


def test_a_changed_prompt_has_a_new_version() -> None:
    """Fails when words, schemas or parameters changed: then bump the version and add the new fingerprint."""
    watch = [text_prompts.WATCH_SYSTEM, text_prompts.WATCH_PLAIN_INSTRUCTIONS, text_prompts.WATCH_SCHEMA]
    watch += [text_prompts.watch_prompt([0.0, 2.0], [2.0], [], as_sheet=sheet, plain=False) for sheet in (True, False)]
    text = [text_prompts.TEXT_SYSTEM, text_prompts.SECTION_INSTRUCTIONS, text_prompts.SECTION_SCHEMA]
    text += [text_prompts.CHAPTERS_INSTRUCTIONS, text_prompts.CHAPTERS_SCHEMA, text_prompts.MERGE_INSTRUCTIONS]
    text += [text_prompts.MERGE_SCHEMA, dict(text_prompts.TEXT_PARAMETERS)]
    assert _digest(watch) == FINGERPRINT[text_prompts.WATCH_PROMPT_VERSION]
    assert _digest(text) == FINGERPRINT[text_prompts.TEXT_PROMPT_VERSION]


def _digest(words: Sequence[object]) -> str:
    return hashlib.blake2b(json.dumps(words, sort_keys=True).encode(), digest_size=8).hexdigest()


@pytest.mark.parametrize("schema", ["WATCH_SCHEMA", "SECTION_SCHEMA", "CHAPTERS_SCHEMA", "MERGE_SCHEMA"])
def test_schemas_have_no_keyword_that_breaks_grammars(schema: str) -> None:
    def keys(one: object) -> set[str]:
        if not isinstance(one, dict):
            return set()
        inner = one.get("properties", {})
        return {*one} | keys(one.get("items")) | {key for value in inner.values() for key in keys(value)}

    assert keys(getattr(text_prompts, schema)) <= {"type", "properties", "required", "items"}


def test_prompts_name_every_field_of_their_schema() -> None:
    for schema, asked in (
        (text_prompts.SECTION_SCHEMA, text_prompts.SECTION_INSTRUCTIONS),
        (text_prompts.CHAPTERS_SCHEMA, text_prompts.CHAPTERS_INSTRUCTIONS),
        (text_prompts.MERGE_SCHEMA, text_prompts.MERGE_INSTRUCTIONS),
        (text_prompts.WATCH_SCHEMA, text_prompts.watch_prompt([0.0], [], [], as_sheet=True, plain=False)),
    ):
        for name in schema["required"]:  # type: ignore[attr-defined]
            assert f"\n{name}: " in asked


def test_a_section_rests_on_the_passages_its_lines_stand_for() -> None:
    answer = text_parser.parse_section(section(), [70, 80, 90])
    assert answer.citations == (70, 90)
    assert (answer.title, answer.event_type, answer.excitement) == ("The vows", "wedding", 0.7)
    assert (TagKind.PERSON, "groom") in answer.words


@pytest.mark.parametrize("lines", [[99], [0], [-1], [], None, ["a"], [1e9], "all", [True], {"1": 1}])
def test_an_answer_that_rests_on_nothing_it_was_given_is_refused(lines: object) -> None:
    with pytest.raises(AnswerRejected, match="names no line"):
        text_parser.parse_section(section(lines=lines), [70, 80])


def test_lines_that_were_not_given_are_dropped() -> None:
    assert text_parser.parse_section(section(lines=[2, 999, 2, "1", "line 2", 1.0]), [70, 80]).citations == (80, 70)


@pytest.mark.parametrize(
    "summary",
    [
        "",
        "string",
        None,
        7,
        ["a"],
        "I'm sorry, I cannot help with that.",
        "la " * 400,
        "x" * 5000,
        "two or three sentences on",
    ],
)
def test_a_worthless_summary_is_refused(summary: object) -> None:
    with pytest.raises(AnswerRejected):
        text_parser.parse_section(section(summary=summary), [70])


@pytest.mark.parametrize("text", ["", "no json", "[]", "{", '{"summary": "cut o', "null", '{"a": ' * 2000])
def test_what_is_no_object_is_not_the_schema(text: str) -> None:
    for read in (
        text_parser.parse_action,
        lambda said: text_parser.parse_section(said, [1]),
        lambda said: text_parser.parse_chapters(said, 3),
        lambda said: text_parser.parse_synonyms(said, ["a"], ["b"]),
    ):
        with pytest.raises(SchemaMismatch):
            read(text)


def chapters(*found: object, lines: object = (1,)) -> ChaptersAnswer:
    return text_parser.parse_chapters(
        json.dumps({"summary": "A wedding in a church.", "chapters": found, "lines": lines}), 5
    )


def test_chapters_begin_where_the_video_does_and_in_order() -> None:
    assert chapters({"title": "Party", "first": 4}, {"title": "Vows", "first": 1}).chapters == (
        ("Vows", 0),
        ("Party", 3),
    )
    assert chapters({"title": "Vows", "first": 2}, {"title": "Party", "first": 4}).chapters == (
        ("Vows", 0),
        ("Party", 3),
    )


def test_chapters_that_begin_nowhere_are_dropped() -> None:
    found = chapters({"title": "A", "first": 1}, {"title": "B", "first": 6}, {"title": "", "first": 2}, 7, {"first": 3})
    assert found.chapters == (("A", 0),)
    for listed in ([], [{"title": "A", "first": 9}], "none"):
        with pytest.raises(SchemaMismatch):
            text_parser.parse_chapters(json.dumps({"summary": "A wedding.", "chapters": listed, "lines": [1]}), 5)


def test_a_summary_rests_on_parts_it_was_given() -> None:
    assert chapters({"title": "A", "first": 1}, lines=[5, 6, 2]).citations == (4, 1)
    with pytest.raises(AnswerRejected):
        chapters({"title": "A", "first": 1}, lines=[6])


def test_only_words_that_were_asked_about_are_merged() -> None:
    said = {
        "pairs": [
            {"new": "Kid", "same_as": "child"},
            {"new": "dog", "same_as": "rm -rf"},
            {"new": "x", "same_as": "child"},
        ]
    }
    assert text_parser.parse_synonyms(json.dumps(said), ["kid", "dog"], ["child"]) == {"kid": "child"}


@pytest.mark.parametrize(
    ("said", "action"),
    [
        ({"happens": True, "action": "The video shows a bride who walks in."}, "A bride who walks in."),
        ({"happens": True, "action": "In this sequence, the bride walks in."}, "The bride walks in."),
        ({"happens": False, "action": "A bride."}, ""),
        ({"happens": True, "action": ""}, ""),
        ({"happens": True, "action": "Nothing happens."}, ""),
        ({"action": "A cup falls."}, "A cup falls."),
    ],
)
def test_an_action_is_told_as_it_happens(said: object, action: str) -> None:
    assert text_parser.parse_action(json.dumps(said)).action == action


def test_plain_sentences_are_cleaned_too() -> None:
    assert (
        text_parser.parse_plain_action("Sure! The pictures show a dog that runs off.").action == "A dog that runs off."
    )
    assert text_parser.parse_plain_action("Nothing happens.").action == ""
    with pytest.raises(AnswerRejected):
        text_parser.parse_plain_action("I cannot see any image.")


def test_fuzzed_answers_are_read_or_refused() -> None:
    chance = random.Random(9)
    values: list[object] = [
        None,
        True,
        -1,
        1e308,
        "",
        "x" * 99,
        [],
        [[]],
        {},
        {"a": 1},
        [{"title": []}],
        "\ud800",
        [None],
    ]
    became: Counter[bool] = Counter()
    for _ in range(500):
        said = json.dumps(
            {name: chance.choice(values) for name in ("summary", "chapters", "lines", "pairs", "action", "tags")}
        )
        for read in (
            text_parser.parse_action,
            lambda text: text_parser.parse_section(text, [1, 2]),
            lambda text: text_parser.parse_chapters(text, 3),
            lambda text: text_parser.parse_synonyms(text, ["a"], ["b"]),
        ):
            try:
                answer = read(said)
            except AnswerRejected:
                became[False] += 1
            else:
                became[True] += 1
                assert r"\ud800" not in repr(answer)
    assert min(became[True], became[False]) > 100
