"""Connections to the model servers of the settings."""

from contextlib import AbstractContextManager
from pathlib import Path

from vidlocal.engines.backends import backend
from vidlocal.engines.model_server import ModelServer
from vidlocal.engines.transformers.transformers_files import find_model
from vidlocal.settings import Settings
from vidlocal.settings.hub_cache import hub_cache
from vidlocal.settings.servers import ServerKind, ServerSetting


def connect(settings: Settings, setting: ServerSetting) -> AbstractContextManager[ModelServer]:
    """Connect to a server. Raises EngineError for a forbidden remote server, or a missing model in process."""
    if setting.kind is ServerKind.TRANSFORMERS:
        from vidlocal.engines.transformers.server import TransformersServer

        return TransformersServer(find_model(setting.url, settings.models_folder, hub_cache(Path.home())))
    if setting.kind is ServerKind.PLUGIN:
        from vidlocal.app.plugins import connect_engine
        from vidlocal.engines.plugin_server import PluginServer

        return PluginServer(setting.url, connect_engine(settings, setting.url, setting.api_key))
    return backend(setting.kind).connect(setting.url, allow_remote=settings.allow_remote_host, api_key=setting.api_key)
