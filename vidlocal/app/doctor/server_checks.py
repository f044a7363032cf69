"""Checks of `vidlocal doctor` for `[[servers]]`: other kinds than Ollama, and roles in place of engines in process."""

from contextlib import ExitStack

from vidlocal.app.doctor.check import Check, CheckState
from vidlocal.app.engines.clip import open_clip
from vidlocal.app.engines.fast_engines import open_speech_server
from vidlocal.app.servers.connections import connect
from vidlocal.engines.base import ModelInfo
from vidlocal.engines.ollama.transport import Timeouts
from vidlocal.engines.openai.server import OpenAiServer
from vidlocal.errors import EngineError
from vidlocal.settings import Settings
from vidlocal.settings.servers import Role, ServerSetting


def openai_server(loaded: Settings, server: ServerSetting) -> Check:
    """Check the connection to the server, and list its models."""
    part = server.name or "model server"
    timeouts = Timeouts(connect=1.0, small=1.5)
    try:
        with OpenAiServer(
            server.url, allow_remote=loaded.allow_remote_host, api_key=server.api_key, timeouts=timeouts
        ) as opened:
            names = ", ".join(model.name for model in opened.models())
    except EngineError as error:
        return Check(part, CheckState.MISSING, str(error), "Start the server, or correct [[servers]] in settings.toml.")
    return Check(part, CheckState.OK, f"{server.url}, for {', '.join(sorted(server.roles))}: {names}")


def model_in_process(loaded: Settings, server: ServerSetting) -> Check:
    """Check the packages or plugin, and the files of the model, without loading."""
    part = server.name or "model in process"
    try:
        with connect(loaded, server) as opened:
            version = opened.version()
            models = ", ".join(map(_name_and_size, opened.models()))
    except EngineError as error:
        return Check(part, CheckState.MISSING, str(error), "Correct [[servers]] in settings.toml.")
    return Check(part, CheckState.OK, f"{version}, for {', '.join(sorted(server.roles))}: {models}")


def _name_and_size(model: ModelInfo) -> str:
    return f"{model.name} {model.size_bytes / 1e9:.1f} GB" if model.size_bytes else model.name


def speech(loaded: Settings) -> Check | None:
    """Check the server with the role speech; None without such a server."""
    server = next((server for server in loaded.model_servers if Role.SPEECH in server.roles), None)
    if server is None:
        return None
    try:
        with open_speech_server(loaded, server) as engine:
            return Check("speech", CheckState.OK, f"{engine.name} on the server at {engine.host}")
    except EngineError as error:
        return Check("speech", CheckState.MISSING, str(error), "Start the server, or correct [[servers]].")


def image_vectors(loaded: Settings) -> Check | None:
    """Check the server with the role pictures; None without such a server."""
    if not any(Role.PICTURES in server.roles for server in loaded.model_servers):
        return None
    notes: list[str] = []
    with ExitStack() as stack:
        engine = open_clip(stack, loaded, notify=notes.append)
        if isinstance(engine, str):
            return Check("image search", CheckState.MISSING, " ".join([*notes, engine]), "Correct [[servers]].")
        state = CheckState.WARNING if notes else CheckState.OK
        return Check("image search", state, " ".join([*notes, f"Vectors by {engine.key}"]))
