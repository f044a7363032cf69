"""What `vidlocal doctor` looks at, one function per group. Nothing here downloads, and no wait is long."""

import os
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vidlocal import settings
from vidlocal.app.downloads import CustomModel, size
from vidlocal.engines import clip_files, models_on_disk
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
from vidlocal.store import filesystem
from vidlocal.store.content import videos
from vidlocal.store.database import FILE_NAME, SCHEMA_VERSION, Library
from vidlocal.store.history import facts
from vidlocal.text import pluralize
from vidlocal.version import __version__

if TYPE_CHECKING:
    from vidlocal.engines.ollama import Need, Ollama

_LITTLE_SPACE_BYTES = 2 << 30
_NO_SPACE_BYTES = 64 << 20
_SETUP = "vidlocal setup"
_REINSTALL = "pip install --force-reinstall vidlocal"
# Before it, servers do not say what their models can (Ollama 0.6.4: capabilities in /api/show).
_TELLS_CAPABILITIES = (0, 6, 4)


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Check:
    """One part: how it is, what was found, and how to mend it. `exit_code` is not 0 where nothing works without it."""

    part: str
    state: State
    found: str
    mend: str = ""
    exit_code: int = 0


def all_checks(chosen: Settings) -> Iterator[Check]:
    """Every part of vidlocal on this machine, the essential ones first."""
    yield Check("vidlocal", State.OK, f"{__version__}, Python {sys.version.split()[0]}")
    yield _ffmpeg(chosen)
    yield _package("decoder", "av", ToolError.exit_code)
    yield _sqlite()
    yield from _home(chosen.home)
    yield _settings(chosen)
    yield _screen_text()
    yield _whisper(chosen)
    yield _vad(chosen.models_folder)
    yield _pictures(chosen.models_folder)
    yield from _ollama(chosen)


def _ffmpeg(chosen: Settings) -> Check:
    from vidlocal.media.ffmpeg import find_ffmpeg

    try:
        found = find_ffmpeg(chosen.ffmpeg)
    except ToolError as error:
        return Check("ffmpeg", State.MISSING, str(error), _REINSTALL, error.exit_code)
    return Check("ffmpeg", State.OK, f"{found.version}, {found.path}")


def _package(part: str, name: str, exit_code: int) -> Check:
    try:
        return Check(part, State.OK, f"{name} {metadata.version(name)}")
    except metadata.PackageNotFoundError:
        return Check(part, State.MISSING, f"{name} is not installed", _REINSTALL, exit_code)


def _sqlite() -> Check:
    found = f"SQLite {sqlite3.sqlite_version}"
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE words USING fts5(text, tokenize = 'trigram')")
    except sqlite3.Error as error:
        mend = "Use a Python whose SQLite is 3.35 or newer and has FTS5, such as the one of python.org."
        return Check("database", State.MISSING, f"{found} cannot search text ({error})", mend, StoreError.exit_code)
    finally:
        connection.close()
    return Check("database", State.OK, found)


def _home(home: Path) -> Iterator[Check]:
    """The library and the place it lies in."""
    yield _library(home)
    base = filesystem.existing_ancestor(home)
    if not os.access(base, os.W_OK | os.X_OK):
        mend = f"chmod u+rwx {base}, or name another folder with VIDLOCAL_HOME"
        yield Check("permissions", State.MISSING, f"{base} cannot be written to", mend, StoreError.exit_code)
    else:
        yield _privacy(home)
    yield _space(home)
    unfit = filesystem.network_filesystem(home)
    if unfit:
        mend = "Set VIDLOCAL_HOME to a folder on a disk of this machine."
        yield Check("filesystem", State.WARNING, f"{home} is on {unfit}; a library can be damaged there", mend)


def _library(home: Path) -> Check:
    if not (home / FILE_NAME).exists():
        return Check("library", State.OK, f"none yet in {home}", "vidlocal ingest PATH")
    try:
        with Library.open(home) as library:
            count = len(videos.every(library))
    except StoreError as error:
        return Check("library", State.MISSING, str(error), "", error.exit_code)
    return Check("library", State.OK, f"{pluralize(count, 'video')}, schema {SCHEMA_VERSION}, {home / FILE_NAME}")


def _privacy(home: Path) -> Check:
    open_ones = filesystem.readable_by_others(home)
    if open_ones:
        mend = f"chmod -R go= {home}"
        return Check("permissions", State.WARNING, f"others can read {', '.join(map(str, open_ones))}", mend)
    return Check(
        "permissions", State.OK, "only you can read the library" if home.exists() else "the folder will be yours"
    )


def _space(home: Path) -> Check:
    free = filesystem.free_bytes(home)
    found = f"{size(free)} free"
    mend = "Free some space, or move the library with VIDLOCAL_HOME."
    if free < _NO_SPACE_BYTES:
        return Check("disk space", State.MISSING, found, mend, StoreError.exit_code)
    if free < _LITTLE_SPACE_BYTES:
        return Check("disk space", State.WARNING, found, mend)
    return Check("disk space", State.OK, found)


def _settings(chosen: Settings) -> Check:
    misspelt = settings.unknown_variables()
    if misspelt:
        return Check("settings", State.WARNING, f"{', '.join(misspelt)} is no setting of vidlocal", "vidlocal config")
    return Check("settings", State.OK, str(chosen.file) if chosen.file.exists() else "all defaults or variables")


def _screen_text() -> Check:
    """Looked at from outside: importing it takes seconds."""
    reader = util.find_spec("rapidocr")
    folder = Path(next(iter(reader.submodule_search_locations or []), "")) if reader else Path()
    if reader is None or util.find_spec("onnxruntime") is None or not list((folder / "models").glob("*_rec_*.onnx")):
        return Check("text on screen", State.MISSING, "RapidOCR, its models or onnxruntime are missing", _REINSTALL)
    return Check("text on screen", State.OK, f"rapidocr {metadata.version('rapidocr')}, its models inside")


def _whisper(chosen: Settings) -> Check:
    try:
        model = models_on_disk.whisper_model(chosen.whisper_model, chosen.models_folder)
    except (ModelMissing, EngineError, SettingsError) as error:
        mend = "vidlocal config whisper_model base" if isinstance(error, SettingsError) else _SETUP
        return Check("speech", State.MISSING, str(error), mend)
    return Check("speech", State.OK, f"whisper {model.name}, {model.path}")


def _vad(folder: Path) -> Check:
    model = models_on_disk.vad_model(folder)
    if model is None:
        return Check("silence", State.WARNING, "no model to tell speech from silence; loudness has to do", _SETUP)
    return Check("silence", State.OK, str(model))


def _pictures(folder: Path) -> Check:
    """An extra: not to have it is no fault, to have it damaged is."""
    if not clip_files.is_installed():
        return Check("pictures", State.OK, "not installed (optional)", 'pip install "vidlocal[pictures]"')
    mend = f"{_SETUP} --pictures"
    try:
        model = clip_files.picture_model(folder)
    except ModelMissing:
        return Check("pictures", State.OK, "installed, its model is not here yet (optional)", mend)
    except EngineError as error:
        return Check("pictures", State.WARNING, str(error), mend)
    return Check("pictures", State.OK, f"{model.key}, fastembed {metadata.version('fastembed')}")


def _ollama(chosen: Settings) -> Iterator[Check]:
    """The server and its models. A server that is away is one line, not four."""
    from vidlocal.engines.ollama import Ollama
    from vidlocal.engines.ollama_http import Timeouts

    try:
        quick = Timeouts(connect=1.0, small=1.5)
        with Ollama(chosen.ollama_host, allow_remote=chosen.allow_remote_host, timeouts=quick) as server:
            version = server.version()
            yield from _server(server, version)
            yield _model(server, "vision model", chosen.vision_model, "vision")
            yield _several_pictures(server, chosen)
            yield _model(server, "text model", chosen.text_model, "completion", f"{_SETUP} --text")
            yield _model(server, "embedding model", chosen.embed_model, "embedding")
            yield _custom(server, chosen)
    except VidlocalError as error:
        away = isinstance(error, EngineUnreachable)
        mend = "ollama serve; not installed: https://ollama.com/download" if away else "vidlocal config ollama_host"
        yield Check("Ollama server", State.MISSING, str(error), mend)


def _server(server: "Ollama", version: str) -> Iterator[Check]:
    from vidlocal.engines.host_policy import is_loopback

    found = f"{version} at {server.host}"
    if not is_loopback(server.host):
        name = urlsplit(server.host).hostname
        yield Check("Ollama server", State.WARNING, f"{found}; frames travel to {name}", "vidlocal config ollama_host")
    elif _numbers(version) < _TELLS_CAPABILITIES:
        found += " is too old to say which models can see"
        yield Check("Ollama server", State.WARNING, found, "Update Ollama: https://ollama.com/download")
    else:
        yield Check("Ollama server", State.OK, found)
    cloud = server.cloud_enabled()
    if cloud is False:
        yield Check("hosted models", State.OK, "switched off in the server")
    else:
        found = "the server may use them" if cloud else "the server is too old to say whether it uses them"
        mend = "Start the server with OLLAMA_NO_CLOUD=1. vidlocal never uses one, whatever the server may."
        yield Check("hosted models", State.WARNING, found, mend)


def _model(server: "Ollama", part: str, name: str, needs: "Need", mend: str = _SETUP) -> Check:
    try:
        model = server.preflight(name, needs)
    except EngineError as error:
        return Check(part, State.MISSING, str(error), mend)
    if model.capabilities is None:
        return Check(part, State.WARNING, f"{model.name}; the server does not say what it can", "Update Ollama.")
    return Check(part, State.OK, f"{model.name}, {size(model.size_bytes)}, can {', '.join(model.capabilities)}")


def _several_pictures(server: "Ollama", chosen: Settings) -> Check:
    """How what happens over several frames is shown to the vision model, as enrich found out."""
    part = "several pictures"
    try:
        digest = server.digest(chosen.vision_model)
    except EngineError:
        return Check(part, State.OK, "not known without the vision model")
    known = None
    if (chosen.home / FILE_NAME).exists():
        with Library.open(chosen.home) as library:
            known = facts.get(library, facts.multi_image_key(digest))
    if known is None:
        return Check(part, State.OK, f"enrich will find out whether {chosen.vision_model} takes several in order")
    if known == facts.NO:
        return Check(part, State.OK, f"{chosen.vision_model} takes one: several frames go on one sheet")
    return Check(part, State.OK, f"{chosen.vision_model} takes several in order, when num_ctx has room for four")


def _custom(server: "Ollama", chosen: Settings) -> Check:
    part = CustomModel(server, chosen.vision_model, chosen.home)
    if part.is_there():
        return Check("custom model", State.OK, f"{part.name}, made of {part.base}")
    found = f"the server has no model {part.name} made of {part.base} as it is now; enrich works without"
    return Check("custom model", State.WARNING, found, _SETUP)


def _numbers(version: str) -> tuple[int, ...]:
    """`0.33.0-rc1` as (0, 33, 0); a development build, 0.0.0, counts as new."""
    numbers = tuple(int(part) for part in version.partition("-")[0].split(".") if part.isdecimal())
    return numbers if any(numbers) else (999,)
