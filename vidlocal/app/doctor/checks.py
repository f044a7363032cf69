"""Checks of `vidlocal doctor`, a function per group. No downloads, no long waits."""

import os
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vidlocal import settings
from vidlocal.app.setup.downloads import CustomPart
from vidlocal.engines.clip import clip_files
from vidlocal.engines.faces import face_files
from vidlocal.engines.speakers import speaker_files
from vidlocal.engines.speech import whisper_files
from vidlocal.engines.voice_detector import model_file
from vidlocal.engines.whisper_backend import backend
from vidlocal.errors import (
    EngineError,
    EngineUnreachable,
    ModelMissing,
    SettingsError,
    StoreError,
    ToolError,
    VidlocalError,
)
from vidlocal.settings import Settings
from vidlocal.settings.servers import Role, ServerKind, ServerSetting
from vidlocal.store import filesystem
from vidlocal.store.content import videos
from vidlocal.store.database import FILE_NAME, SCHEMA_VERSION, Library
from vidlocal.store.history import facts
from vidlocal.text import format_size, pluralize
from vidlocal.version import __version__

if TYPE_CHECKING:
    from vidlocal.engines.base import Capability
    from vidlocal.engines.ollama.server import Ollama

_MIN_SPACE_BYTES = 2 << 30
_FULL_DISK_BYTES = 64 << 20
VISION_MODEL = "vision model"
_SETUP = "vidlocal setup"
# Loading an embedding model takes some seconds.
_MAX_EMBED_S = 20.0
_REINSTALL = "pip install --force-reinstall vidlocal"
# Ollama 0.6.4 added capabilities to /api/show.
_MIN_CAPABILITIES_VERSION = (0, 6, 4)


class CheckState(StrEnum):
    """Result of a check. The values are printed."""

    OK = "ok"
    WARNING = "warning"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Check:
    """Result of a check, with a fix. `exit_code` is nonzero if nothing works without this part."""

    part: str
    state: CheckState
    result: str
    fix: str = ""
    exit_code: int = 0


def run_checks(loaded: Settings) -> Iterator[Check]:
    """Check all parts of vidlocal on this machine, essential parts first."""
    from vidlocal.app.doctor import server_checks

    yield Check("vidlocal", CheckState.OK, f"{__version__}, Python {sys.version.split()[0]}")
    yield _ffmpeg(loaded)
    yield _package("decoder", "av", ToolError.exit_code)
    yield _sqlite()
    yield from _home(loaded.home)
    yield _settings(loaded)
    yield _ocr()
    yield server_checks.speech(loaded) or _whisper(loaded)
    yield _vad()
    yield server_checks.image_vectors(loaded) or _clip(loaded.models_folder)
    yield _speakers(loaded)
    yield _people(loaded)
    for server in loaded.model_servers:
        if server.kind is ServerKind.OLLAMA:
            yield from _ollama(_with_server(loaded, server), server.roles)
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


def _ffmpeg(loaded: Settings) -> Check:
    from vidlocal.media.ffmpeg import find_ffmpeg

    try:
        result = find_ffmpeg(loaded.ffmpeg)
    except ToolError as error:
        return Check("ffmpeg", CheckState.MISSING, str(error), _REINSTALL, error.exit_code)
    return Check("ffmpeg", CheckState.OK, f"{result.version}, {result.path}")


def _package(part: str, name: str, exit_code: int) -> Check:
    try:
        return Check(part, CheckState.OK, f"{name} {metadata.version(name)}")
    except metadata.PackageNotFoundError:
        return Check(part, CheckState.MISSING, f"{name} is not installed", _REINSTALL, exit_code)


def _sqlite() -> Check:
    result = f"SQLite {sqlite3.sqlite_version}"
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE words USING fts5(text, tokenize = 'trigram')")
    except sqlite3.Error as error:
        fix = "Use a Python whose SQLite is 3.35 or newer and has FTS5, such as the one of python.org."
        return Check(
            "database", CheckState.MISSING, f"{result} cannot search text ({error})", fix, StoreError.exit_code
        )
    finally:
        connection.close()
    return Check("database", CheckState.OK, result)


def _home(home: Path) -> Iterator[Check]:
    """Check library, permissions, disk space and file system."""
    yield _library(home)
    base = filesystem.existing_ancestor(home)
    if not os.access(base, os.W_OK | os.X_OK):
        fix = f"chmod u+rwx {base}, or name another folder with VIDLOCAL_HOME"
        yield Check("permissions", CheckState.MISSING, f"{base} cannot be written to", fix, StoreError.exit_code)
    else:
        yield _privacy(home)
    yield _space(home)
    network = filesystem.network_filesystem(home)
    if network:
        fix = "Set VIDLOCAL_HOME to a folder on a disk of this machine."
        yield Check("filesystem", CheckState.WARNING, f"{home} is on {network}; a library can be damaged there", fix)


def _library(home: Path) -> Check:
    if not (home / FILE_NAME).exists():
        return Check("library", CheckState.OK, f"none yet in {home}", "vidlocal ingest PATH")
    try:
        with Library.open(home) as library:
            count = len(videos.every(library))
    except StoreError as error:
        return Check("library", CheckState.MISSING, str(error), "", error.exit_code)
    return Check("library", CheckState.OK, f"{pluralize(count, 'video')}, schema {SCHEMA_VERSION}, {home / FILE_NAME}")


def _privacy(home: Path) -> Check:
    readable = filesystem.readable_by_others(home)
    if readable:
        fix = f"chmod -R go= {home}"
        return Check("permissions", CheckState.WARNING, f"others can read {', '.join(map(str, readable))}", fix)
    return Check(
        "permissions", CheckState.OK, "only you can read the library" if home.exists() else "the folder will be yours"
    )


def _space(home: Path) -> Check:
    free = filesystem.free_bytes(home)
    result = f"{format_size(free)} free"
    fix = "Free some space, or move the library with VIDLOCAL_HOME."
    if free < _FULL_DISK_BYTES:
        return Check("disk space", CheckState.MISSING, result, fix, StoreError.exit_code)
    if free < _MIN_SPACE_BYTES:
        return Check("disk space", CheckState.WARNING, result, fix)
    return Check("disk space", CheckState.OK, result)


def _settings(loaded: Settings) -> Check:
    unknown = settings.unknown_variables()
    if unknown:
        return Check("settings", CheckState.WARNING, f"{', '.join(unknown)} : unknown setting", "vidlocal config")
    return Check(
        "settings", CheckState.OK, str(loaded.file) if loaded.file.exists() else "defaults and environment variables"
    )


def _ocr() -> Check:
    """Check the files of RapidOCR without the slow import."""
    package = util.find_spec("rapidocr")
    folder = Path(next(iter(package.submodule_search_locations or []), "")) if package else Path()
    if package is None or util.find_spec("onnxruntime") is None or not list((folder / "models").glob("*_rec_*.onnx")):
        return Check("OCR", CheckState.MISSING, "RapidOCR, its models or onnxruntime are missing", _REINSTALL)
    return Check("OCR", CheckState.OK, f"rapidocr {metadata.version('rapidocr')} with its models")


def _whisper(loaded: Settings) -> Check:
    try:
        model = whisper_files.whisper_model(loaded.whisper_model, loaded.models_folder)
    except (ModelMissing, EngineError, SettingsError) as error:
        fix = "vidlocal config whisper_model base" if isinstance(error, SettingsError) else _SETUP
        return Check("speech", CheckState.MISSING, str(error), fix)
    if model.warning:
        return Check("speech", CheckState.WARNING, model.warning, _SETUP)
    return Check("speech", CheckState.OK, f"whisper {model.name} on {backend()}, {model.path}")


def _vad() -> Check:
    """Check the VAD model, part of a package."""
    try:
        file = model_file()
    except EngineError as error:
        return Check("VAD", CheckState.MISSING, str(error), _REINSTALL)
    return Check("VAD", CheckState.OK, str(file))


def _clip(folder: Path) -> Check:
    """Check the optional CLIP model: missing is fine, damaged is not."""
    if not clip_files.is_installed():
        return Check("image search", CheckState.OK, "not installed (optional)", 'pip install "vidlocal[pictures]"')
    fix = f"{_SETUP} --pictures"
    try:
        model = clip_files.clip_model(folder)
    except ModelMissing:
        return Check("image search", CheckState.OK, "package installed, model missing (optional)", fix)
    except EngineError as error:
        return Check("image search", CheckState.WARNING, str(error), fix)
    return Check("image search", CheckState.OK, f"{model.key}, fastembed {metadata.version('fastembed')}")


def _speakers(loaded: Settings) -> Check:
    """Check the optional models for speakers."""
    if not loaded.recognize_speakers:
        return Check("speakers", CheckState.OK, "forbidden by recognize_speakers")
    if not speaker_files.is_installed():
        return Check("speakers", CheckState.OK, "not installed (optional)", 'pip install "vidlocal[speakers]"')
    try:
        models = speaker_files.speaker_models(loaded.models_folder)
    except EngineError:
        return Check("speakers", CheckState.OK, "package installed, models missing (optional)", f"{_SETUP} --speakers")
    return Check("speakers", CheckState.OK, f"{models.key}, sherpa-onnx {metadata.version('sherpa-onnx')}")


def _people(loaded: Settings) -> Check:
    """Check the optional models for faces."""
    if not loaded.recognize_people:
        return Check("people", CheckState.OK, "forbidden by recognize_people")
    try:
        models = face_files.face_models(loaded.models_folder)
    except EngineError:
        return Check("people", CheckState.OK, "models missing (optional)", f"{_SETUP} --people")
    return Check("people", CheckState.OK, models.key)


def _ollama(loaded: Settings, roles: frozenset[Role]) -> Iterator[Check]:
    """Check the server and the models of its roles.

    An unreachable server gives a single line, not four."""
    from vidlocal.engines.ollama.server import Ollama
    from vidlocal.engines.ollama.transport import Timeouts

    try:
        timeouts = Timeouts(connect=1.0, small=1.5, first_byte=_MAX_EMBED_S, total=_MAX_EMBED_S)
        with Ollama(loaded.ollama_host, allow_remote=loaded.allow_remote_host, timeouts=timeouts) as server:
            version = server.version()
            yield from _server(server, version)
            if {Role.DESCRIBE, Role.WATCH} & roles:
                yield _model(server, VISION_MODEL, loaded.vision_model, "vision")
                yield _multi_image(server, loaded)
            if Role.TEXT in roles:
                yield _model(server, "text model", loaded.text_model, "completion", f"{_SETUP} --text")
            if Role.EMBED in roles:
                yield _embedding_model(server, loaded)
            if Role.DESCRIBE in roles:
                yield _custom(server, loaded)
    except VidlocalError as error:
        is_unreachable = isinstance(error, EngineUnreachable)
        fix = (
            "ollama serve; not installed: https://ollama.com/download"
            if is_unreachable
            else "vidlocal config ollama_host"
        )
        yield Check("Ollama server", CheckState.MISSING, str(error), fix)


def _server(server: "Ollama", version: str) -> Iterator[Check]:
    from vidlocal.engines.host_policy import is_loopback

    result = f"{version} at {server.host}"
    if not is_loopback(server.host):
        name = urlsplit(server.host).hostname
        yield Check(
            "Ollama server", CheckState.WARNING, f"{result}; frames are sent to {name}", "vidlocal config ollama_host"
        )
    elif _version_tuple(version) < _MIN_CAPABILITIES_VERSION:
        result += " is too old to report model capabilities"
        yield Check("Ollama server", CheckState.WARNING, result, "Update Ollama: https://ollama.com/download")
    else:
        yield Check("Ollama server", CheckState.OK, result)
    cloud = server.cloud_enabled()
    if cloud is False:
        yield Check("hosted models", CheckState.OK, "disabled on the server")
    else:
        result = "enabled on the server" if cloud else "unknown: the server is too old to report it"
        fix = "Start the server with OLLAMA_NO_CLOUD=1 (vidlocal never uses hosted models)"
        yield Check("hosted models", CheckState.WARNING, result, fix)


def _model(server: "Ollama", part: str, name: str, needs: "Capability", fix: str = _SETUP) -> Check:
    try:
        model = server.preflight(name, needs)
    except EngineError as error:
        return Check(part, CheckState.MISSING, str(error), fix)
    if model.capabilities is None:
        return Check(
            part, CheckState.WARNING, f"{model.name}; the server does not report capabilities", "Update Ollama."
        )
    return Check(
        part,
        CheckState.OK,
        f"{model.name}, {format_size(model.size_bytes)}; capabilities: {', '.join(model.capabilities)}",
    )


def _embedding_model(server: "Ollama", loaded: Settings) -> Check:
    """Check the embedding model with a single word: the cheapest proof of a working server."""
    from vidlocal.engines.base import RunnerFailed
    from vidlocal.engines.prompts.vision_prompts import embed_options

    check = _model(server, "embedding model", loaded.embed_model, "embedding")
    if check.state is CheckState.MISSING:
        return check
    options = embed_options(on_gpu=loaded.embed_on_gpu)
    try:
        server.embed(loaded.embed_model, ["test"], options=options, keep_alive=loaded.keep_alive)
    except RunnerFailed as error:
        result = f"the engine of the server fails: {error}"
        return Check(check.part, CheckState.MISSING, result, "Restart Ollama; if that does not help, reinstall it.")
    except EngineError as error:
        return Check(check.part, CheckState.WARNING, f"{check.result}; no answer now: {error}", "ollama ps")
    return check


def _multi_image(server: "Ollama", loaded: Settings) -> Check:
    """Report the stored result of the multi-image probe."""
    part = "multiple images"
    try:
        digest = server.digest(loaded.vision_model)
    except EngineError:
        return Check(part, CheckState.OK, "unknown without the vision model")
    stored = None
    if (loaded.home / FILE_NAME).exists():
        with Library.open(loaded.home) as library:
            stored = facts.get(library, facts.multi_image_key(digest))
    if stored is None:
        return Check(part, CheckState.OK, f"{loaded.vision_model} is not tested yet; enrich tests it")
    if stored == facts.NO:
        return Check(part, CheckState.OK, f"{loaded.vision_model} accepts one: frames are combined on a contact sheet")
    return Check(part, CheckState.OK, f"{loaded.vision_model} accepts several in order, if num_ctx has room for four")


def _custom(server: "Ollama", loaded: Settings) -> Check:
    part = CustomPart(server, loaded.vision_model, loaded.home)
    if part.is_installed():
        return Check("custom model", CheckState.OK, f"{part.name}, based on {part.base}")
    result = f"{part.name}, based on {part.base}, is missing or outdated; enrich works without it"
    return Check("custom model", CheckState.WARNING, result, _SETUP)


def _version_tuple(version: str) -> tuple[int, ...]:
    """Parse `0.33.0-rc1` as (0, 33, 0); a development build, 0.0.0, counts as new."""
    numbers = tuple(int(part) for part in version.partition("-")[0].split(".") if part.isdecimal())
    return numbers if any(numbers) else (999,)
