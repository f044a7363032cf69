"""A real llama.cpp server with a vision model, at the address in VIDLOCAL_TEST_LLAMA_SERVER."""

import os
from collections.abc import Iterator

import pytest

from vidlocal.engines.openai.server import OpenAiServer
from vidlocal.engines.served import canary
from vidlocal.engines.served.models import ServedVision

ADDRESS = os.environ.get("VIDLOCAL_TEST_LLAMA_SERVER")
pytestmark = pytest.mark.skipif(not ADDRESS, reason="VIDLOCAL_TEST_LLAMA_SERVER names no server")


@pytest.fixture
def vision() -> Iterator[ServedVision]:
    with OpenAiServer(str(ADDRESS)) as server:
        model = server.preflight("any name", "vision")
        yield ServedVision(server, model, num_ctx=server.context(model.name, 4096))


def test_it_sees(vision: ServedVision) -> None:
    assert canary.check_vision(vision).passed


def test_it_describes_by_the_schema_and_in_words(vision: ServedVision, red: bytes) -> None:
    assert vision.describe(red).description
    assert vision.describe(red, plain=True).description


def test_bounds_of_schemas_are_probed(vision: ServedVision) -> None:
    assert vision.probe_bounds() is vision.keeps_bounds


def test_the_server_tells_context_and_slots(vision: ServedVision) -> None:
    with OpenAiServer(str(ADDRESS)) as server:
        assert server.version().startswith("llama.cpp")
        assert 0 < server.context(vision.name, 1 << 20) < 1 << 20
        assert (server.slots() or 0) >= 1
        assert server.digest(vision.name) == vision.digest
