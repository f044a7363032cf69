"""The engines of a machine, asked without Dask."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from tests.support.fake_models import CATALOGUE
from tests.support.fake_ollama import FakeOllama
from tests.support.images import plain_colour
from vidlocal.app.cluster.hosts import models_of
from vidlocal.app.cluster.site import Site
from vidlocal.app.cluster.versions import own_versions, version_difference
from vidlocal.cluster.messages import Call, Failure, Offer, Result, decode, encode
from vidlocal.settings import Settings, load

RED = plain_colour((220, 30, 30), side_px=336)


def settings_for(server: FakeOllama) -> Settings:
    return load({"ollama_host": server.host})


def ask(site: Site, settings: Settings, engine: str, method: str, *arguments: object, identity: str = "") -> object:
    call = Call(engine, method, models_of(settings), identity, arguments)
    answer = decode(site.handle(encode(call)))
    return answer.value if isinstance(answer, Result) else answer


def test_a_machine_offers_the_models_that_the_owner_names() -> None:
    with FakeOllama(["llava:13b", "phi3.5:latest"]) as server:
        site, settings = Site(settings_for(server)), load({"vision_model": "llava:13b"})
        offer = ask(site, settings, "machine", "offer")
        site.close()
    assert isinstance(offer, Offer)
    assert offer.versions == own_versions()
    assert {role: model.name for role, model in offer.models.items()} == {
        "vision": "llava:13b",
        "text": "phi3.5:latest",
        "ocr": "rapidocr",
    }
    assert offer.missing.keys() == {"embedding", "speech", "speakers", "pictures"}


def test_a_server_without_the_vision_model_offers_the_others() -> None:
    with FakeOllama(["phi3.5:latest", "embeddinggemma:latest"]) as server:
        settings = settings_for(server)
        site = Site(settings)
        offer = ask(site, settings, "machine", "offer")
        site.close()
    assert isinstance(offer, Offer)
    assert offer.models.keys() == {"text", "embedding", "ocr"}
    assert "llava:7b" in offer.missing["vision"]


def test_an_answer_is_that_of_the_engine() -> None:
    with FakeOllama() as server:
        settings = settings_for(server)
        site = Site(settings)
        answer = ask(site, settings, "vision", "describe", RED)
        site.close()
    assert "red" in str(answer)


def test_a_model_that_was_replaced_is_not_asked() -> None:
    with FakeOllama() as server:
        settings = settings_for(server)
        site = Site(settings)
        answer = ask(site, settings, "vision", "describe", RED, identity="llava:7b@000000000000")
        site.close()
        assert not [request for request in server.asked("/api/chat") if request.picture is not None]
    assert answer == Failure("EngineError", "llava:7b was replaced by another build during the run.")


@pytest.mark.parametrize(
    ("engine", "method"), [("vision", "__reduce__"), ("vision", "_chat"), ("os", "system"), ("machine", "close")]
)
def test_methods_unknown_to_the_engines_are_refused(engine: str, method: str) -> None:
    with FakeOllama() as server:
        settings = settings_for(server)
        answer = ask(Site(settings), settings, engine, method)
        assert not server.requests
    assert isinstance(answer, Failure)
    assert "versions" in answer.message


def test_bytes_that_are_no_call_are_refused() -> None:
    assert isinstance(decode(Site(load()).handle(b"nonsense")), Failure)


@dataclass
class InUse:
    name: ClassVar[str] = "busy"

    def hold_reason(self) -> str | None:
        return "Paused while other programs use the machine."


def test_a_machine_in_use_refuses_work_for_a_while_and_tells_its_models() -> None:
    with FakeOllama() as server:
        settings = settings_for(server)
        site = Site(settings, [InUse()])
        assert isinstance(ask(site, settings, "machine", "offer"), Offer)
        answer = ask(site, settings, "vision", "describe", RED)
        site.close()
    assert answer == Failure("EngineBusy", "Paused while other programs use the machine.", 30.0)


def test_a_model_installed_later_is_offered_next_time() -> None:
    with FakeOllama(["phi3.5:latest"]) as server:
        settings = settings_for(server)
        site = Site(settings)
        first = ask(site, settings, "machine", "offer")
        server.models["llava:7b"] = CATALOGUE["llava:7b"]
        second = ask(site, settings, "machine", "offer")
        site.close()
    assert isinstance(first, Offer)
    assert isinstance(second, Offer)
    assert "vision" not in first.models
    assert second.models["vision"].name == "llava:7b"


def test_a_different_version_is_named() -> None:
    assert version_difference(own_versions()) is None
    assert version_difference(("0.0.9", *own_versions()[1:])) == "vidlocal 0.0.9 there, 0.1.0 here"
    assert version_difference((*own_versions(), "more")) == "another version of vidlocal"


def test_the_page_says_where_the_files_are(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text("utf-8")
    for name in ("authority.pem", "certificate.pem", "key.pem"):
        assert name in page
