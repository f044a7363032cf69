"""Run the checks of `vidlocal doctor`. No downloads, no long waits."""

import sys
from collections.abc import Iterator
from dataclasses import replace

from vidlocal.app.doctor import cluster_checks, machine_checks, model_checks
from vidlocal.app.doctor.check import Check, CheckState
from vidlocal.app.doctor.ollama_checks import check_ollama
from vidlocal.errors import ToolError
from vidlocal.settings import Settings
from vidlocal.settings.servers import Role, ServerKind, ServerSetting
from vidlocal.version import __version__


def run_checks(loaded: Settings) -> Iterator[Check]:
    """Check all parts of vidlocal on this machine, essential parts first."""
    from vidlocal.app.doctor import server_checks  # imports httpx

    yield Check("vidlocal", CheckState.OK, f"{__version__}, Python {sys.version.split()[0]}")
    yield machine_checks.ffmpeg(loaded)
    yield machine_checks.package("decoder", "av", ToolError.exit_code)
    yield machine_checks.sqlite()
    yield from machine_checks.home(loaded.home)
    yield machine_checks.variables(loaded)
    yield model_checks.ocr()
    yield server_checks.speech(loaded) or model_checks.whisper(loaded)
    yield model_checks.vad()
    yield server_checks.image_vectors(loaded) or model_checks.clip(loaded.models_folder)
    yield model_checks.speakers(loaded)
    yield model_checks.people(loaded)
    yield from cluster_checks.scheduler(loaded)
    for server in loaded.model_servers:
        if server.kind is ServerKind.OLLAMA:
            yield from check_ollama(_with_server(loaded, server), server.roles)
        elif server.roles == {Role.SPEECH}:
            continue
        elif server.kind is ServerKind.OPENAI:
            yield server_checks.openai_server(loaded, server)
        else:
            yield server_checks.model_in_process(loaded, server)


def _with_server(loaded: Settings, server: ServerSetting) -> Settings:
    """Return the settings with the address and models of a single Ollama server."""
    return replace(
        loaded,
        ollama_host=server.url,
        vision_model=server.vision_model or loaded.vision_model,
        text_model=server.text_model or loaded.text_model,
        embed_model=server.embed_model or loaded.embed_model,
    )
