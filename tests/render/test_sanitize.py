import json

import pytest

from vidlocal.render.sanitize import one_line, sanitize, to_json

CONTROLS = [*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0), 0xAD, 0x200B, 0x200E, 0x200F, 0x2028, 0x2029]
CONTROLS += [*range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF, 0xD800, 0xDFFF, 0xE0041]


@pytest.mark.parametrize("code", CONTROLS)
def test_a_control_character_is_replaced(code: int) -> None:
    assert sanitize(f"a{chr(code)}b") == "a\ufffdb"
    assert chr(code) not in to_json({"text": f"a{chr(code)}b"})


def test_line_ends_and_tabs_are_kept() -> None:
    assert sanitize("a\tb\r\nc\n") == "a\tb\nc\n"


def test_one_line_has_single_spaces() -> None:
    assert one_line("  a\tb\n\n c  ") == "a b c"


@pytest.mark.parametrize("text", ["naïve café", "花嫁が歩く", "می\u200cخواهم", "👨\u200d👩\u200d👧", "[/red] :smile:"])
def test_text_of_any_script_is_unchanged(text: str) -> None:
    assert sanitize(text) == text


def test_a_joiner_between_latin_letters_is_replaced() -> None:
    assert sanitize("pay\u200dpal") == "pay\ufffdpal"


def test_json_of_any_text_is_read_back_unchanged() -> None:
    text = "-".join(map(chr, CONTROLS)) + 'quote " backslash \\ 花嫁'
    assert json.loads(to_json({"text": text}, indent=2)) == {"text": text}
