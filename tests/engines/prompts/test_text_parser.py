"""Parser for answers about sequences and notes."""

import hashlib
import json
import random
from collections import Counter
from collections.abc import Sequence

import pytest

from vidlocal.engines.base import SchemaMismatch
from vidlocal.engines.prompts import text_parser, text_prompts
from vidlocal.errors import AnswerRejected
from vidlocal.model_answers import ChaptersAnswer
from vidlocal.records import TagKind

FINGERPRINT = {"watch-1": "294b043eed9ba97e", "text-1": "842b7d6380be4fb1"}


def section(**fields: object) -> str:
    defaults: dict[str, object] = {
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
    return json.dumps(defaults | fields)


def test_a_changed_prompt_has_a_new_version() -> None:
    """Fails if text, schemas or parameters changed: then increment the version and add the new fingerprint."""
    watch = [text_prompts.WATCH_SYSTEM, text_prompts.WATCH_PLAIN_INSTRUCTIONS, text_prompts.WATCH_SCHEMA]
    watch += [text_prompts.watch_prompt([0.0, 2.0], [2.0], [], as_sheet=sheet, plain=False) for sheet in (True, False)]
    text = [text_prompts.TEXT_SYSTEM, text_prompts.SECTION_INSTRUCTIONS, text_prompts.SECTION_SCHEMA]
    text += [text_prompts.CHAPTERS_INSTRUCTIONS, text_prompts.CHAPTERS_SCHEMA, text_prompts.MERGE_INSTRUCTIONS]
    text += [text_prompts.MERGE_SCHEMA, dict(text_prompts.TEXT_PARAMETERS)]
    assert _digest(watch) == FINGERPRINT[text_prompts.WATCH_PROMPT_VERSION]
    assert _digest(text) == FINGERPRINT[text_prompts.TEXT_PROMPT_VERSION]


def _digest(texts: Sequence[object]) -> str:
    return hashlib.blake2b(json.dumps(texts, sort_keys=True).encode(), digest_size=8).hexdigest()


@pytest.mark.parametrize("schema", ["WATCH_SCHEMA", "SECTION_SCHEMA", "CHAPTERS_SCHEMA", "MERGE_SCHEMA"])
def test_schemas_have_no_keyword_that_breaks_grammars(schema: str) -> None:
    def keys(value: object) -> set[str]:
        if not isinstance(value, dict):
            return set()
        inner = value.get("properties", {})
        return {*value} | keys(value.get("items")) | {key for item in inner.values() for key in keys(item)}

    assert keys(getattr(text_prompts, schema)) <= {"type", "properties", "required", "items"}


def test_prompts_name_every_field_of_their_schema() -> None:
    for schema, prompt in (
        (text_prompts.SECTION_SCHEMA, text_prompts.SECTION_INSTRUCTIONS),
        (text_prompts.CHAPTERS_SCHEMA, text_prompts.CHAPTERS_INSTRUCTIONS),
        (text_prompts.MERGE_SCHEMA, text_prompts.MERGE_INSTRUCTIONS),
        (text_prompts.WATCH_SCHEMA, text_prompts.watch_prompt([0.0], [], [], as_sheet=True, plain=False)),
    ):
        for name in schema["required"]:  # type: ignore[attr-defined]
            assert f"\n{name}: " in prompt


def test_a_section_cites_the_passages_of_its_lines() -> None:
    answer = text_parser.parse_section(section(), [70, 80, 90])
    assert answer.citations == (70, 90)
    assert (answer.title, answer.event_type, answer.excitement) == ("The vows", "wedding", 0.7)
    assert (TagKind.PERSON, "groom") in answer.words


@pytest.mark.parametrize("lines", [[99], [0], [-1], [], None, ["a"], [1e9], "all", [True], {"1": 1}])
def test_an_answer_without_a_valid_citation_is_rejected(lines: object) -> None:
    with pytest.raises(AnswerRejected, match="cites none of the given lines"):
        text_parser.parse_section(section(lines=lines), [70, 80])


def test_unknown_lines_are_dropped() -> None:
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
def test_an_unusable_summary_is_rejected(summary: object) -> None:
    with pytest.raises(AnswerRejected):
        text_parser.parse_section(section(summary=summary), [70])


@pytest.mark.parametrize("text", ["", "no json", "[]", "{", '{"summary": "cut o', "null", '{"a": ' * 2000])
def test_text_without_an_object_is_a_schema_mismatch(text: str) -> None:
    for parse in (
        text_parser.parse_action,
        lambda answer: text_parser.parse_section(answer, [1]),
        lambda answer: text_parser.parse_chapters(answer, 3),
        lambda answer: text_parser.parse_synonyms(answer, ["a"], ["b"]),
    ):
        with pytest.raises(SchemaMismatch):
            parse(text)


def chapters(*items: object, lines: object = (1,)) -> ChaptersAnswer:
    return text_parser.parse_chapters(
        json.dumps({"summary": "A wedding in a church.", "chapters": items, "lines": lines}), 5
    )


def test_chapters_are_in_order_and_the_first_starts_with_the_video() -> None:
    assert chapters({"title": "Party", "first": 4}, {"title": "Vows", "first": 1}).chapters == (
        ("Vows", 0),
        ("Party", 3),
    )
    assert chapters({"title": "Vows", "first": 2}, {"title": "Party", "first": 4}).chapters == (
        ("Vows", 0),
        ("Party", 3),
    )


def test_chapters_with_an_unknown_start_are_dropped() -> None:
    answer = chapters(
        {"title": "A", "first": 1}, {"title": "B", "first": 6}, {"title": "", "first": 2}, 7, {"first": 3}
    )
    assert answer.chapters == (("A", 0),)
    for items in ([], [{"title": "A", "first": 9}], "none"):
        with pytest.raises(SchemaMismatch):
            text_parser.parse_chapters(json.dumps({"summary": "A wedding.", "chapters": items, "lines": [1]}), 5)


def test_a_summary_cites_given_sections() -> None:
    assert chapters({"title": "A", "first": 1}, lines=[5, 6, 2]).citations == (4, 1)
    with pytest.raises(AnswerRejected):
        chapters({"title": "A", "first": 1}, lines=[6])


def test_only_given_words_are_merged() -> None:
    answer = {
        "pairs": [
            {"new": "Kid", "same_as": "child"},
            {"new": "dog", "same_as": "rm -rf"},
            {"new": "x", "same_as": "child"},
        ]
    }
    assert text_parser.parse_synonyms(json.dumps(answer), ["kid", "dog"], ["child"]) == {"kid": "child"}


@pytest.mark.parametrize(
    ("answer", "action"),
    [
        ({"happens": True, "action": "The video shows a bride who walks in."}, "A bride who walks in."),
        ({"happens": True, "action": "In this sequence, the bride walks in."}, "The bride walks in."),
        ({"happens": False, "action": "A bride."}, ""),
        ({"happens": True, "action": ""}, ""),
        ({"happens": True, "action": "Nothing happens."}, ""),
        ({"action": "A cup falls."}, "A cup falls."),
    ],
)
def test_an_action_has_no_preamble(answer: object, action: str) -> None:
    assert text_parser.parse_action(json.dumps(answer)).action == action


def test_plain_sentences_are_cleaned_too() -> None:
    assert (
        text_parser.parse_plain_action("Sure! The pictures show a dog that runs off.").action == "A dog that runs off."
    )
    assert text_parser.parse_plain_action("Nothing happens.").action == ""
    with pytest.raises(AnswerRejected):
        text_parser.parse_plain_action("I cannot see any image.")


def test_fuzzed_answers_are_parsed_or_rejected() -> None:
    rng = random.Random(9)
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
    results: Counter[bool] = Counter()
    for _ in range(500):
        text = json.dumps(
            {name: rng.choice(values) for name in ("summary", "chapters", "lines", "pairs", "action", "tags")}
        )
        for parse in (
            text_parser.parse_action,
            lambda text: text_parser.parse_section(text, [1, 2]),
            lambda text: text_parser.parse_chapters(text, 3),
            lambda text: text_parser.parse_synonyms(text, ["a"], ["b"]),
        ):
            try:
                answer = parse(text)
            except AnswerRejected:
                results[False] += 1
            else:
                results[True] += 1
                assert r"\ud800" not in repr(answer)
    assert min(results[True], results[False]) > 100
