"""Fixtures: a fake Ollama server, and the adapter connected to it with short timeouts."""

from collections.abc import Iterator

import pytest

from tests.support.fake_ollama import CATALOGUE, FakeOllama
from tests.support.images import plain_colour
from vidlocal.engines.ollama.server import Ollama
from vidlocal.engines.ollama.transport import Timeouts
from vidlocal.engines.served.models import ServedEmbeddings, ServedVision

SHORT_TIMEOUTS = Timeouts(connect=1.0, first_byte=0.5, between_chunks=0.3, total=1.0, small=0.5)


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    with FakeOllama(CATALOGUE.values()) as running:
        yield running


@pytest.fixture
def ollama(server: FakeOllama) -> Iterator[Ollama]:
    with Ollama(server.host, timeouts=SHORT_TIMEOUTS) as adapter:
        yield adapter


@pytest.fixture
def vision(ollama: Ollama) -> ServedVision:
    return ServedVision(ollama, ollama.preflight("llava:7b", "vision"))


@pytest.fixture
def embeddings(ollama: Ollama) -> ServedEmbeddings:
    return ServedEmbeddings(ollama, ollama.preflight("embeddinggemma", "embedding"))


@pytest.fixture
def red() -> bytes:
    return plain_colour((220, 20, 20), side_px=100)
