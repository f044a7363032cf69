"""The bundled Modelfile and its parser."""

from pathlib import Path

import pytest

from vidlocal.engines.ollama import modelfile
from vidlocal.engines.prompts import vision_prompts
from vidlocal.errors import ToolError


def test_the_modelfile_equals_the_requests_of_enrich() -> None:
    bundled = modelfile.load_bundled()
    assert bundled.base == "llava:7b"
    assert bundled.system == vision_prompts.SYSTEM
    assert dict(bundled.parameters) == vision_prompts.vision_options()
    assert {name: type(value) for name, value in bundled.parameters.items()} == {
        name: type(value) for name, value in vision_prompts.vision_options().items()
    }


def test_the_modelfile_is_at_the_top_of_the_repository() -> None:
    text = (Path(__file__).parents[3] / "Modelfile").read_text(encoding="utf-8")
    assert modelfile.parse(text) == modelfile.load_bundled()


def test_values_may_be_quoted_or_span_lines() -> None:
    parsed = modelfile.parse('\ufeff# ours\nfrom "a:b"\nSystem """one\n\n two"""\nPARAMETER seed 1\nparameter top_p 1')
    assert parsed == modelfile.Modelfile("a:b", "one\n\n two", {"seed": 1, "top_p": 1.0})
    assert isinstance(parsed.parameters["top_p"], float)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SYSTEM x", "no model after FROM"),
        ('FROM a\nSYSTEM """x\n', "line 2"),
        ("FROM a\n\nPARAMETER seed often", "line 3: invalid value 'often' for seed"),
        ("FROM a\nPARAMETER mirostat 1", "unknown parameter mirostat"),
        ("FROM a\nTEMPLATE x", "TEMPLATE is not supported"),
        ("FROM a\nADAPTER ./adapter.gguf", "line 2: ADAPTER .*ollama create mymodel .*enrich --model mymodel"),
    ],
)
def test_unsupported_syntax_is_reported_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ToolError, match=message):
        modelfile.parse(text)
