import json

import pytest

from vidlocal.render.sanitize import one_line, sanitize, to_json

CONTROLS = [*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0), 0xAD, 0x200B, 0x200E, 0x200F, 0x2028, 0x2029]
CONTROLS += [*range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF, 0xD800, 0xDFFF, 0xE0041]


@pytest.mark.parametrize("code", CONTROLS)
def test_a_control_character_is_shown_as_a_replacement(code: int) -> None:
    assert sanitize(f"a{chr(code)}b") == "a\ufffdb"
    assert chr(code) not in to_json({"text": f"a{chr(code)}b"})


def test_line_ends_and_tabs_stay() -> None:
    assert sanitize("a\tb\r\nc\n") == "a\tb\nc\n"


def test_flat_text_is_one_line_with_single_spaces() -> None:
    assert one_line("  a\tb\n\n c  ") == "a b c"


@pytest.mark.parametrize("text", ["naïve café", "花嫁が歩く", "می\u200cخواهم", "👨\u200d👩\u200d👧", "[/red] :smile:"])
def test_honest_text_of_any_script_stays_as_it_is(text: str) -> None:
    assert sanitize(text) == text


def test_a_joiner_between_latin_letters_is_a_disguise() -> None:
    assert sanitize("pay\u200dpal") == "pay\ufffdpal"


def test_json_reads_back_unchanged_whatever_the_text() -> None:
    text = "-".join(map(chr, CONTROLS)) + 'quote " backslash \\ 花嫁'
    assert json.loads(to_json({"text": text}, indent=2)) == {"text": text}
