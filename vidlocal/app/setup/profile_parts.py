"""The parts of a profile for `vidlocal setup`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from vidlocal.app.setup.file_parts import PICTURES_URL, WHISPER_URL, ClipPart, PublishedPart, WhisperPart
from vidlocal.app.setup.model_part import ModelPart
from vidlocal.app.setup.ollama_parts import CustomPart, OllamaPart
from vidlocal.engines.faces import face_files
from vidlocal.engines.model_files.published import PublishedModel
from vidlocal.engines.profiles import Profile
from vidlocal.engines.speakers import speaker_files
from vidlocal.settings import Settings
from vidlocal.settings.servers import Role, ServerKind

if TYPE_CHECKING:
    from vidlocal.engines.ollama.server import Ollama


def profile_parts(
    profile: Profile,
    server: "Ollama",
    settings: Settings,
    *,
    text: bool,
    pictures: bool = False,
    speakers: bool = False,
    people: bool = False,
    whisper_url: str = WHISPER_URL,
) -> list[ModelPart]:
    """List the parts of a profile in order of download, small parts first.

    Models of roles without an Ollama server (`[[servers]]`) are left out: other servers bring their own.
    """
    ollama_servers = [server for server in settings.model_servers if server.kind is ServerKind.OLLAMA]
    roles = {role for server in ollama_servers for role in server.roles}
    parts: list[ModelPart] = []
    if not any(Role.SPEECH in server.roles for server in settings.model_servers):
        parts.append(WhisperPart(profile.whisper_model, settings.models_folder, whisper_url))
    if pictures:
        parts.append(ClipPart(settings.models_folder, PICTURES_URL))
    if speakers:
        parts += _published("speakers", speaker_files.PUBLISHED, settings.models_folder)
    if people:
        parts += _published("people", face_files.PUBLISHED, settings.models_folder)
    if Role.EMBED in roles:
        parts.append(OllamaPart(server, "embeddings", profile.embed_model, "embedding", "embed_model"))
    if Role.DESCRIBE in roles:
        parts.append(OllamaPart(server, "vision", profile.vision_model, "vision", "vision_model"))
        parts.append(CustomPart(server, profile.vision_model, settings.home))
    if text and Role.TEXT in roles:
        parts.append(OllamaPart(server, "text", profile.text_model, "completion", "text_model"))
    return parts


def _published(role: str, published: Mapping[str, PublishedModel], folder: Path) -> list[PublishedPart]:
    return [PublishedPart(role, file, folder, published) for file in published]
