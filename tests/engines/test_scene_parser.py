"""From what a model says to what is stored."""

import json

import pytest

from vidlocal.engines import scene_parser
from vidlocal.engines.base import SchemaMismatch
from vidlocal.errors import AnswerRejected
from vidlocal.records import SceneAnswer

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


def test_a_whole_answer_is_kept_as_it_is() -> None:
    answer = parsed()
    assert answer.description == GOOD["description"]
    assert (answer.tags, answer.people_count, answer.excitement) == (("wedding", "bride"), 2, 0.6)
    assert answer.relationships == ("bride and father",)


@pytest.mark.parametrize("wrap", ["{}", "```json\n{}\n```", "Sure! Here it is: {} I hope this helps."])
def test_json_is_found_in_what_surrounds_it(wrap: str) -> None:
    assert scene_parser.parse_scene(wrap.replace("{}", json.dumps(GOOD))).setting == "church"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("wedding, bride ,, wedding", ("wedding", "bride")),
        (["a", {"name": "b"}, 3, None, True, ["c", "d"], "none", "N/A", "x" * 90], ("a", "b", "3", "c, d")),
        (None, ()),
        (7, ()),
        ([f"tag {number}" for number in range(500)], tuple(f"tag {number}" for number in range(20))),
    ],
)
def test_lists_of_slightly_wrong_types_are_understood(given: object, kept: tuple[str, ...]) -> None:
    assert parsed(tags=given).tags == kept


@pytest.mark.parametrize(
    ("given", "kept"), [(3, 3), ("3", 3), (2.0, 2), ("two", None), (None, None), (-1, None), (True, None), (1e99, None)]
)
def test_people_are_counted_or_unknown(given: object, kept: int | None) -> None:
    assert parsed(people_count=given).people_count == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [(0, 0.0), (1, 1.0), ("0.25", 0.25), (7, 0.7), (70, 0.7), ("80%", 0.8), (-3, None), (1e9, None), ("high", None)],
)
def test_excitement_is_a_share(given: object, kept: float | None) -> None:
    assert parsed(excitement=given).excitement == kept


def test_placeholders_are_no_words() -> None:
    answer = parsed(setting="None", visible_text="N/A.", event_type="unknown", emotions=["none"])
    assert (answer.setting, answer.visible_text, answer.event_type, answer.emotions) == ("", "", "", ())


def test_a_field_that_goes_in_circles_is_dropped() -> None:
    assert parsed(visible_text="SALE " * 100).visible_text == ""


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", '{"a": 1', "plain words", "[" * 100_000, "{" * 5_000 + "}" * 5_000]
)
def test_what_is_not_the_schema_is_told(text: str) -> None:
    with pytest.raises(SchemaMismatch):
        scene_parser.parse_scene(text)


@pytest.mark.parametrize(
    "description", [None, "", "  ", "string", "n/a", 5, [], "na na na na na na na na na na na na na na"]
)
def test_an_answer_without_description_is_not_the_schema(description: object) -> None:
    with pytest.raises(SchemaMismatch):
        parsed(description=description)


def test_a_refusal_in_json_is_still_a_refusal() -> None:
    with pytest.raises(AnswerRejected) as told:
        parsed(description="I'm sorry, I cannot see the image.")
    assert not isinstance(told.value, SchemaMismatch)


@pytest.mark.parametrize(
    "said",
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
def test_descriptions_speak_of_the_scene(said: str) -> None:
    cleaned = scene_parser.parse_description(said)
    assert cleaned.endswith("ride in a white dress.")
    assert not cleaned.lower().startswith(("the image", "this image", "in th", "sure", "here", "we see", "the scene"))
    assert cleaned[0].isupper()


@pytest.mark.parametrize(
    "said",
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
def test_good_descriptions_stay_as_they_are(said: str) -> None:
    assert scene_parser.parse_description(said) == said
