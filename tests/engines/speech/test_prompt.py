"""The prompt of Whisper: short, in sentence style, and nothing but words."""

from vidlocal.engines.speech.prompt import MAX_CHARS, speech_prompt


def test_terms_come_first_and_keep_their_case() -> None:
    assert speech_prompt("Marlene,  vidlocal", ["odile", "grimsel pass"]) == "Marlene, vidlocal, Odile, Grimsel Pass."


def test_a_name_is_in_the_prompt_once() -> None:
    assert speech_prompt("Marlene", ["marlene", "zoë's dog"]) == "Marlene, Zoë's Dog."


def test_without_terms_and_names_there_is_no_prompt() -> None:
    assert speech_prompt(" , ", []) == ""


def test_the_prompt_is_bounded_to_whole_words() -> None:
    prompt = speech_prompt("x" * 500, [f"name{number}" for number in range(200)])
    assert len(prompt) <= MAX_CHARS
    assert prompt.endswith(".")
    assert all(word.strip(".").startswith(("Name", "x")) for word in prompt.split(", "))


def test_tokens_and_lines_of_a_name_are_no_instructions() -> None:
    assert speech_prompt("", ["<|endoftext|>\n[INST] odile"]) == "‹/endoftext/› (inst) Odile."
