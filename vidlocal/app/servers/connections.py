"""Connections to the model servers of the settings."""

from contextlib import AbstractContextManager
from pathlib import Path

from vidlocal.engines.backends import backend
from vidlocal.engines.model_server import ModelServer
from vidlocal.engines.transformers.transformers_files import find_model
from vidlocal.settings import Settings
from vidlocal.settings.hub_cache import hub_cache
from vidlocal.settings.servers import ServerKind, ServerSetting


def connect(settings: Settings, chosen: ServerSetting) -> AbstractContextManager[ModelServer]:
    """Connect to a server. Raises EngineError for a forbidden remote server, or a missing model in process."""
    if chosen.kind is ServerKind.TRANSFORMERS:
        from vidlocal.engines.transformers.server import TransformersServer

        return TransformersServer(find_model(chosen.url, settings.models_folder, hub_cache(Path.home())))
    if chosen.kind is ServerKind.PLUGIN:
        from vidlocal.app.plugins import connect_engine
        from vidlocal.engines.plugin_server import PluginServer

        return PluginServer(chosen.url, connect_engine(settings, chosen.url, chosen.api_key))
    return backend(chosen.kind).connect(chosen.url, allow_remote=settings.allow_remote_host, api_key=chosen.api_key)
