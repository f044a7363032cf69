"""Synonyms of tags."""

import pytest

from tests.support.text_videos import add_video
from vidlocal.records import Passage, PassageKind, TagKind, VideoTag
from vidlocal.store.content import understanding, vocabulary
from vidlocal.store.content.passages import BY_HAND
from vidlocal.store.database import Library


@pytest.mark.parametrize(
    ("word", "form"),
    [
        ("Wedding Dresses!", "wedding dress"),
        ("  the  BRIDE ", "bride"),
        ("children", "child"),
        ("parties", "party"),
        ("glass", "glass"),
        ("bus", "bus"),
        ("tennis", "tennis"),
        ("churches", "church"),
        ("boxes", "box"),
        ("cup_cakes", "cup cake"),
        ("Ｗｅｄｄｉｎｇ", "wedding"),
        ("Zoë's dogs", "zoë's dog"),
        ("結婚式", "結婚式"),
        ("свадьба", "свадьба"),
        ("niños", "niños"),
        ("rock'n'roll", "rock'n'roll"),
        ("", ""),
        ("!!!", ""),
        ("\x1b[31m", "31m"),
        ("x" * 500, "x" * 40),
    ],
)
def test_words_are_normalized(word: str, form: str) -> None:
    assert vocabulary.normalize(word) == form


def test_normalizing_is_idempotent() -> None:
    for word in ("wedding dress", "child", "party", "glass", "bus", "news", "person", "series"):
        assert vocabulary.normalize(word) == word


def test_an_existing_form_keeps_its_tag(library: Library) -> None:
    vocabulary.add(library, {"kid": "child", "child": "child", "": "x", "y": ""})
    vocabulary.add(library, {"kid": "goat"})
    assert vocabulary.lookup(library, ["kid", "child", "bride"]) == {"kid": "child", "child": "child"}
    assert vocabulary.most_used(library, limit=10) == ["child"]


def test_unused_words_are_deleted(library: Library) -> None:
    vocabulary.add(library, {"kid": "child"})
    vocabulary.delete_unused(library)
    assert vocabulary.lookup(library, ["kid"]) == {}


def test_names_are_people_places_and_tags_of_the_video_first(library: Library) -> None:
    for title, person in (("one", "odile"), ("two", "odile"), ("three", "marlene")):
        video_id, (scene,) = add_video(library, title, ["Somebody dances at the lake."])
        tags = [(TagKind.TAG, "dance"), (TagKind.PLACE, "lake"), (TagKind.PERSON, person), (TagKind.OBJECT, "cake")]
        video_tags = [VideoTag(kind, tag, (scene,)) for kind, tag in tags]
        understanding.store_tags(library, video_id, video_tags, event_type="party", excitement=None)
    assert vocabulary.names(library, video_id, limit=9) == ["marlene", "odile", "lake", "dance"]
    assert vocabulary.names(library, 0, limit=2) == ["odile", "marlene"]


def test_names_transcribed_by_a_model_are_not_in_its_prompt(library: Library) -> None:
    heard = Passage(0, 1, PassageKind.SPEECH, "Marlin is here.", engine="whisper.cpp")
    corrected = Passage(1, 2, PassageKind.SPEECH, "Marlene is here.", engine=BY_HAND)
    video_id, (first, second) = add_video(library, "one", [heard, corrected])
    video_tags = [VideoTag(TagKind.PERSON, "marlin", (first,)), VideoTag(TagKind.PERSON, "marlene", (second,))]
    understanding.store_tags(library, video_id, video_tags, event_type="party", excitement=None)
    assert vocabulary.names(library, video_id, limit=9) == ["marlene"]
