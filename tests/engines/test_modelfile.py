"""The Modelfile and what is made of it."""

from pathlib import Path

import pytest

from vidlocal.engines import modelfile, prompts
from vidlocal.errors import ToolError


def test_the_modelfile_says_what_enrich_sends() -> None:
    own = modelfile.load_bundled()
    assert own.base == "llava:7b"
    assert own.system == prompts.SYSTEM
    assert dict(own.parameters) == prompts.vision_options()
    assert {name: type(value) for name, value in own.parameters.items()} == {
        name: type(value) for name, value in prompts.vision_options().items()
    }


def test_the_modelfile_lies_at_the_top_of_the_repository() -> None:
    text = (Path(__file__).parents[2] / "Modelfile").read_text(encoding="utf-8")
    assert modelfile.parse(text) == modelfile.load_bundled()


def test_values_may_be_quoted_or_go_over_lines() -> None:
    found = modelfile.parse('\ufeff# ours\nfrom "a:b"\nSystem """one\n\n two"""\nPARAMETER seed 1\nparameter top_p 1')
    assert found == modelfile.Modelfile("a:b", "one\n\n two", {"seed": 1, "top_p": 1.0})
    assert isinstance(found.parameters["top_p"], float)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("SYSTEM x", "no model after FROM"),
        ('FROM a\nSYSTEM """x\n', "line 2"),
        ("FROM a\n\nPARAMETER seed often", "line 3, seed cannot be 'often'"),
        ("FROM a\nPARAMETER mirostat 1", "mirostat is no parameter"),
        ("FROM a\nTEMPLATE x", "TEMPLATE is not understood"),
        ("FROM a\nADAPTER ./adapter.gguf", "line 2, ADAPTER .*ollama create mymodel .*enrich --model mymodel"),
    ],
)
def test_what_is_not_understood_is_told_with_its_line(text: str, says: str) -> None:
    with pytest.raises(ToolError, match=says):
        modelfile.parse(text)
