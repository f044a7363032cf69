import pytest

from vidlocal.text import full_model_name, pluralize, short_model_name


def test_only_one_takes_the_singular() -> None:
    assert [pluralize(number, "frame") for number in (0, 1, 2, 1234)] == [
        "0 frames",
        "1 frame",
        "2 frames",
        "1,234 frames",
    ]
    assert [pluralize(number, "query", "queries") for number in (1, 2)] == ["1 query", "2 queries"]


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("LLaVA", "llava:latest"),
        ("llava:7b", "llava:7b"),
        ("hf.co/someone/model", "hf.co/someone/model:latest"),
        ("localhost:5000/model", "localhost:5000/model:latest"),
    ],
)
def test_a_model_without_a_tag_is_the_latest(name: str, full: str) -> None:
    assert full_model_name(name) == full


def test_a_model_named_by_its_path_is_shown_by_its_file() -> None:
    assert short_model_name("/home/anna/models/qwen3-vl.gguf") == "qwen3-vl"
    assert short_model_name("hf.co/org/model:q4") == "hf.co/org/model:q4"
    assert short_model_name("llava:7b") == "llava:7b"
