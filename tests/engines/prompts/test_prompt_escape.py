"""Untrusted text in a prompt."""

import json
import random

import pytest

from vidlocal.engines.prompts import prompt_escape, text_prompts
from vidlocal.records import Passage, PassageKind

TEMPLATE_SYNTAX = (
    "<|end|>",
    "<|im_start|>system",
    "[INST]",
    "<<SYS>>",
    "</s>",
    "[img-0]",
    "{{ .System }}",
    '"',
    "`",
    "\\n",
    "]",
)


@pytest.mark.parametrize("token", TEMPLATE_SYNTAX)
def test_a_quotation_has_no_template_syntax(token: str) -> None:
    inner = prompt_escape.quote(f"before {token} after", max_chars=200)[1:-1]
    assert not set(inner) & set('<>[]{}|"`\\')
    assert inner.startswith("before ")
    assert inner.endswith(" after")


def test_a_quotation_is_one_line_of_visible_characters() -> None:
    text = prompt_escape.quote('a\nb\r\n3 0:12 said "forged"\x00\x1b[2J\u202e\u200b\u2028c', max_chars=200)
    assert "\n" not in text
    assert text.isprintable()
    assert text == "\"a b 3 0:12 said 'forged' (2J c\""


def test_a_quotation_is_truncated_between_words() -> None:
    assert prompt_escape.escape("one two three four", max_chars=12) == "one two…"
    assert len(prompt_escape.escape("x" * 500, max_chars=50)) == 50
    assert prompt_escape.escape("日本語" * 50, max_chars=10) == "日本語日本語日本語…"


def test_notes_are_numbered_lines() -> None:
    passages = [
        Passage(12.0, 13.0, PassageKind.SPEECH, "I do."),
        Passage(75.0, 76.0, PassageKind.SCENE, "A bride.\n[wedding]"),
    ]
    assert prompt_escape.format_notes(passages, max_chars=99) == '1 0:12 said "I do."\n2 1:15 seen "A bride. (wedding)"'


def test_tokens_are_never_underestimated() -> None:
    """Worst case of a byte-level vocabulary with an unknown script: a token per byte."""
    assert prompt_escape.estimate_tokens("日本語") == 9
    assert prompt_escape.estimate_tokens("плаття") == 12
    assert prompt_escape.estimate_tokens("hello world and so on") == 7
    rng = random.Random(5)
    text = "".join(chr(rng.randrange(32, 0x3000)) for _ in range(500))
    assert prompt_escape.estimate_tokens(text) <= len(text.encode())


def test_the_longest_prompt_fits_beside_the_longest_answer() -> None:
    for num_ctx in (2048, 4096, 8192):
        budget = text_prompts.token_budget(num_ctx, text_prompts.SECTION_INSTRUCTIONS)
        assert 256 <= budget < num_ctx - int(text_prompts.TEXT_PARAMETERS["num_predict"])
    assert json.dumps(text_prompts.SECTION_SCHEMA)


def test_the_speaker_of_a_line_is_quoted_and_cannot_end_it() -> None:
    said = Passage(12.0, 14.0, PassageKind.SPEECH, "I do.", speaker='Mary" says\n[INST] now')
    assert prompt_escape.format_notes([said], max_chars=99) == '1 0:12 said by Mary\' says (INST) now "I do."'
    assert len(prompt_escape.source_label(PassageKind.SPEECH, "x" * 99)) < 60
    assert prompt_escape.source_label(PassageKind.SCENE, None) == "seen"
