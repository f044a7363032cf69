"""Report on a speech server, from a second of noise."""

from collections.abc import Iterator

from vidlocal.app.doctor.check import Check, CheckState
from vidlocal.app.engines.fast_engines import open_speech_server
from vidlocal.errors import EngineError
from vidlocal.settings import Settings
from vidlocal.settings.servers import Role, ServerKind, ServerSetting

_RATE_HZ = 16_000
_LOUDNESS = 0.001


def report_speech_server(settings: Settings, address: str, *, api_key: str | None = None) -> Iterator[Check]:
    """Report a server without a list of models, such as that of whisper.cpp. Raises EngineError for another kind."""
    setting = ServerSetting(ServerKind.OPENAI, address, api_key=api_key)
    with open_speech_server(settings, setting) as engine:
        yield Check("server", CheckState.OK, f"speech server of whisper.cpp, at {engine.host}")
    try:
        yield Check("speech", CheckState.OK, describe_speech(settings, setting))
    except EngineError as error:
        yield Check("speech", CheckState.WARNING, f"no: {error}")
        return
    yield Check("roles", CheckState.OK, Role.SPEECH)


def describe_speech(settings: Settings, setting: ServerSetting) -> str:
    """Request a transcript from a model, and describe the reply. Raises EngineError without a transcript."""
    import numpy as np

    noise = np.random.default_rng(0).normal(0, _LOUDNESS, _RATE_HZ).astype(np.float32)
    with open_speech_server(settings, setting) as engine:
        probability = max(engine.language_probabilities(noise).values())
    if probability == 0:
        return "it transcribes, and does not tell the language: set speech_language"
    return "it transcribes, and tells the language"
