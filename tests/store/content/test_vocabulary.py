"""Synonyms of tags."""

import pytest

from vidlocal.store.content import vocabulary
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
