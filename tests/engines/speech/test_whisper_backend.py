import pytest

from vidlocal.engines.speech.whisper_backend import backend, parse_backend


@pytest.mark.parametrize(
    ("info", "name"),
    [
        ("WHISPER : COREML = 0 | OPENVINO = 0 | CPU : SSE3 = 1 | AVX = 1 | ", "CPU"),
        ("WHISPER : COREML = 1 | OPENVINO = 0 | Metal : EMBED_LIBRARY = 1 | CPU : NEON = 1 | ", "Core ML, Metal"),
        ("WHISPER : COREML = 0 | CUDA : ARCHS = 890 | USE_GRAPHS = 1 | CPU : SSE3 = 1 | ", "CUDA"),
    ],
)
def test_the_backends_of_a_build_are_named(info: str, name: str) -> None:
    assert parse_backend(info) == name


def test_the_installed_build_is_known() -> None:
    assert backend()
