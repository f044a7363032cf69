"""Parser for descriptions by vision models."""

import json

import pytest

from vidlocal.engines.base import SchemaMismatch
from vidlocal.engines.prompts import scene_parser
from vidlocal.errors import AnswerRejected
from vidlocal.model_answers import SceneAnswer

GOOD = {
    "description": "A bride in white walks down the aisle with her father.",
    "tags": ["wedding", "bride"],
    "objects": ["flowers"],
    "people_count": 2,
    "relationships": ["bride and father"],
    "emotions": ["joy"],
    "setting": "church",
    "visible_text": "",
    "event_type": "wedding",
    "excitement": 0.6,
}


def parsed(**changes: object) -> SceneAnswer:
    return scene_parser.parse_scene(json.dumps({**GOOD, **changes}))


def test_a_complete_answer_is_unchanged() -> None:
    answer = parsed()
    assert answer.description == GOOD["description"]
    assert (answer.tags, answer.people_count, answer.excitement) == (("wedding", "bride"), 2, 0.6)
    assert answer.relationships == ("bride and father",)


@pytest.mark.parametrize("wrap", ["{}", "```json\n{}\n```", "Sure! Here it is: {} I hope this helps."])
def test_json_is_found_within_other_text(wrap: str) -> None:
    assert scene_parser.parse_scene(wrap.replace("{}", json.dumps(GOOD))).setting == "church"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("wedding, bride ,, wedding", ("wedding", "bride")),
        (["a", {"name": "b"}, 3, None, True, ["c", "d"], "none", "N/A", "x" * 90], ("a", "b", "3", "c, d")),
        (None, ()),
        (7, ()),
        ([f"tag {number}" for number in range(500)], tuple(f"tag {number}" for number in range(20))),
    ],
)
def test_lists_of_wrong_types_are_converted(value: object, expected: tuple[str, ...]) -> None:
    assert parsed(tags=value).tags == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3), ("3", 3), (2.0, 2), ("two", None), (None, None), (-1, None), (True, None), (1e99, None)],
)
def test_the_number_of_people_is_a_count_or_unknown(value: object, expected: int | None) -> None:
    assert parsed(people_count=value).people_count == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, 0.0), (1, 1.0), ("0.25", 0.25), (7, 0.7), (70, 0.7), ("80%", 0.8), (-3, None), (1e9, None), ("high", None)],
)
def test_excitement_is_a_fraction(value: object, expected: float | None) -> None:
    assert parsed(excitement=value).excitement == expected


def test_placeholders_are_removed() -> None:
    answer = parsed(setting="None", visible_text="N/A.", event_type="unknown", emotions=["none"])
    assert (answer.setting, answer.visible_text, answer.event_type, answer.emotions) == ("", "", "", ())


def test_a_repetitive_field_is_dropped() -> None:
    assert parsed(visible_text="SALE " * 100).visible_text == ""


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", '{"a": 1', "plain words", "[" * 100_000, "{" * 5_000 + "}" * 5_000]
)
def test_other_text_is_a_schema_mismatch(text: str) -> None:
    with pytest.raises(SchemaMismatch):
        scene_parser.parse_scene(text)


@pytest.mark.parametrize(
    "description", [None, "", "  ", "string", "n/a", 5, [], "na na na na na na na na na na na na na na"]
)
def test_an_answer_without_description_is_a_schema_mismatch(description: object) -> None:
    with pytest.raises(SchemaMismatch):
        parsed(description=description)


def test_a_refusal_in_json_is_no_schema_mismatch() -> None:
    with pytest.raises(AnswerRejected) as caught:
        parsed(description="I'm sorry, I cannot see the image.")
    assert not isinstance(caught.value, SchemaMismatch)


@pytest.mark.parametrize(
    "answer",
    [
        "The image shows a bride in a white dress.",
        "This image depicts a bride in a white dress.",
        "In this photo, we can see a bride in a white dress.",
        "In the picture, a bride in a white dress.",
        "The video frame captures a bride in a white dress.",
        "Sure! Here is a description of the scene:\n\nA bride in a white dress.",
        "**Description:** A bride in a white dress.",
        '"A bride in a white dress."',
        "A black-and-white photograph of a thing? No: a bride in a white dress.",
        "A bride in a white dress in the image.",
        "We see a bride in a white dress.",
        "The scene shows a bride in a white dress.",
    ],
)
def test_preambles_are_removed(answer: str) -> None:
    description = scene_parser.parse_description(answer)
    assert description.endswith("ride in a white dress.")
    assert not description.lower().startswith(
        ("the image", "this image", "in th", "sure", "here", "we see", "the scene")
    )
    assert description[0].isupper()


@pytest.mark.parametrize(
    "answer",
    [
        "A picture hangs on the wall above a man.",
        "The photographer shows her camera to two children.",
        "A woman frames a photo in the kitchen.",
        "Sorry is written on a red sign.",
        "Two people look at a photo album; no image of it can be made out.",
        "A man says I do.",
        "一人の花嫁が教会の通路を歩いている。",
        "Red.",
        "A man and a woman dance; the man and a child dance; the woman and a child laugh and dance.",
    ],
)
def test_good_descriptions_are_unchanged(answer: str) -> None:
    assert scene_parser.parse_description(answer) == answer
