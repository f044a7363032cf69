"""The table of all settings and the parsers of their values.

A parser converts a raw value (a typed option, a TOML value or the text of a variable) or raises ValueError.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from vidlocal.settings import sidecar_formats
from vidlocal.settings.address import ollama_address

AUTO = "auto"
DEFAULT_OLLAMA_HOST = "http://127.0.0.1:11434"

Value = str | int | float | bool | Path | None


@dataclass(frozen=True, slots=True)
class Setting:
    """A row of the table. `allowed`, `description` and `default_note` (for a default of None) are texts for users."""

    name: str
    parse: Callable[[object], Value]
    default: Value
    allowed: str
    description: str
    variable: str = ""
    default_note: str = ""

    @property
    def env(self) -> str:
        """Name of the environment variable."""
        return self.variable or f"VIDLOCAL_{self.name.upper()}"

    @property
    def in_file(self) -> bool:
        """True if settings.toml may set the value: all but `home`, the folder of settings.toml."""
        return self.name != "home"


def parse_folder(raw: object) -> Path:
    """An absolute path with `~` expanded."""
    return Path(os.path.abspath(os.path.expanduser(_line(raw))))


def _line(raw: object) -> str:
    if not isinstance(raw, str | Path) or not str(raw).strip() or not str(raw).isprintable():
        raise ValueError
    return str(raw).strip()


def _word(raw: object) -> str:
    """A word without spaces and control characters, such as a model name."""
    text = _line(raw)
    if " " in text:
        raise ValueError
    return text


def _path_or_name(raw: object) -> str:
    return os.path.expanduser(_line(raw))


def _seconds(raw: object) -> float:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise ValueError
    value = float(raw)
    if not isfinite(value) or not 0 <= value <= 3600:
        raise ValueError
    return value


def _tokens(raw: object) -> int:
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        raise ValueError
    value = int(raw)
    if not 2048 <= value <= 1 << 20:
        raise ValueError
    return value


def _language(raw: object) -> str:
    """A language as code or English name; may be empty."""
    if not isinstance(raw, str) or not all(letter.isalpha() or letter in "-_" for letter in raw.strip()):
        raise ValueError
    return raw.strip().lower()


def _track(raw: object) -> int:
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        raise ValueError
    value = int(raw)
    if not 0 <= value <= 99:
        raise ValueError
    return value


def _switch(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    word = raw.strip().lower() if isinstance(raw, str) else ""
    if word not in words:
        raise ValueError
    return words[word]


def _address(raw: object) -> str:
    return ollama_address(_line(raw))


def _cluster(raw: object) -> str:
    """A cluster: own, or an address; may be empty."""
    return "" if isinstance(raw, str) and not raw.strip() else _word(raw)


def _addresses(raw: object) -> str:
    """Addresses separated by spaces or commas; may be empty."""
    if not isinstance(raw, str):
        raise ValueError
    return " ".join(ollama_address(address) for address in raw.replace(",", " ").split())


def parse_patterns(raw: object) -> str:
    """Patterns of file names, separated by commas; may be empty. Returns them separated by a comma and a space."""
    if not isinstance(raw, str) or not raw.replace("\n", " ").isprintable():
        raise ValueError
    return ", ".join(filter(None, (pattern.strip() for pattern in raw.replace("\n", ",").split(","))))


def _sidecar_formats(raw: object) -> str:
    """Formats of files beside the videos, separated by commas or spaces; may be empty."""
    if not isinstance(raw, str):
        raise ValueError
    return ", ".join(sidecar_formats.parse(raw))


def _folders(raw: object) -> str:
    """Folders separated by commas; may be empty. Returns absolute paths, separated by a comma and a space."""
    return ", ".join(str(parse_folder(folder)) for folder in parse_patterns(raw).split(", ") if folder)


def _media_kinds(raw: object) -> str:
    """Kinds of media, separated by commas or spaces; may be empty for all."""
    if not isinstance(raw, str):
        raise ValueError
    kinds = [kind.lower().removesuffix("s") for kind in raw.replace(",", " ").split()]
    if not {"video", "photo", "audio"}.issuperset(kinds):
        raise ValueError
    return ",".join(dict.fromkeys(kinds))


def _gigabytes(raw: object) -> float:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise ValueError
    value = float(raw)
    if not isfinite(value) or not 0 <= value <= 1024:
        raise ValueError
    return value


def _rerank_seconds(raw: object) -> float:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise ValueError
    value = float(raw)
    if not 0 <= value <= 600:
        raise ValueError
    return value


def _slots(raw: object) -> int:
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        raise ValueError
    value = int(raw)
    if not 0 <= value <= 16:
        raise ValueError
    return value


def _keep_alive(raw: object) -> str:
    """A Go duration. A plain number becomes seconds, because Ollama rejects numbers as text."""
    text = str(raw) if isinstance(raw, int) and not isinstance(raw, bool) else _line(raw)
    if re.fullmatch(r"-?\d{1,9}", text, re.ASCII):
        return f"{text}s"
    if not re.fullmatch(r"-?(\d{1,6}(\.\d{1,9})?(ms|s|m|h)){1,4}", text, re.ASCII):
        raise ValueError
    return text


def _window(raw: object) -> str:
    """`h:mm-h:mm`; an end before the start is on the next day."""
    text = _line(raw).replace(" ", "")
    match = re.fullmatch(r"(\d{1,2}:\d{2})-(\d{1,2}:\d{2})", text, re.ASCII)
    if match is None or _minutes(match[1]) == _minutes(match[2]):
        raise ValueError
    return text


def _thumbs(raw: object) -> str:
    text = _line(raw).lower()
    if text not in (AUTO, "kitty", "sixel", "blocks"):
        raise ValueError
    return text


def _minutes(time_of_day: str) -> int:
    hours, minutes = (int(part) for part in time_of_day.split(":"))
    if hours > 23 or minutes > 59:
        raise ValueError
    return hours * 60 + minutes


_MODEL_NAME = "the name of an Ollama model, such as"

TABLE = (
    Setting(
        "home",
        parse_folder,
        None,
        "a folder",
        "The data folder: library, frames, models, log and settings.",
        default_note="the user data folder of this system",
    ),
    Setting(
        "models_folder",
        parse_folder,
        None,
        "a folder",
        "The folder of the models for speech and image search.",
        variable="VIDLOCAL_MODELS",
        default_note="`models` in the home folder",
    ),
    Setting(
        "clips_folder",
        parse_folder,
        None,
        "a folder",
        "The folder for clips cut in the page of `vidlocal serve`.",
        default_note="`clips` in the home folder",
    ),
    Setting(
        "page_folders",
        _folders,
        "",
        "folders separated by commas",
        "The folders that the page of `vidlocal serve` offers to index.",
        default_note="the home folder and its folders of videos, pictures and music",
    ),
    Setting(
        "ffmpeg",
        _path_or_name,
        None,
        "the path of an ffmpeg, version 5.1 or newer",
        "The ffmpeg executable.",
        default_note="the one installed with vidlocal",
    ),
    Setting(
        "sidecars",
        _sidecar_formats,
        "",
        "md, xmp, nfo, ffmetadata, vtt and srt, separated by commas",
        "Files that the worker keeps current beside the videos.",
        default_note="none",
    ),
    Setting(
        "every",
        _seconds,
        2.0,
        "a number of seconds from 0 to 3600",
        "Seconds between two sampled frames; 0 samples every frame.",
    ),
    Setting(
        "exclude",
        parse_patterns,
        "",
        "patterns separated by commas, such as *.gif, raw, Private/*",
        "Files and folders that ingest and watched folders skip.",
        default_note="none",
    ),
    Setting(
        "include",
        parse_patterns,
        "",
        "patterns separated by commas",
        "Files to index even if excluded or skipped by default.",
        default_note="none",
    ),
    Setting(
        "media",
        _media_kinds,
        "",
        "video, photo and audio, separated by commas",
        "Kinds of media to index.",
        default_note="all",
    ),
    Setting(
        "whisper_model",
        _path_or_name,
        "base",
        "the name of a whisper model, such as tiny, base, small or large-v3-turbo, or the path of a model file",
        "The model for transcription.",
    ),
    Setting(
        "speech_language",
        _language,
        "",
        "a language such as de, en or pt-BR",
        "The language that is spoken.",
        default_note="detected",
    ),
    Setting(
        "speech_words",
        parse_patterns,
        "",
        "names and terms separated by commas",
        "Names and terms that the transcription should know.",
        default_note="none",
    ),
    Setting(
        "translate_speech",
        _switch,
        False,
        "true or false",
        "Translate speech in other languages to English, too.",
    ),
    Setting(
        "audio_track",
        _track,
        0,
        "a whole number from 0 to 99",
        "Audio track to transcribe, counted from 1 (0 = the first one with speech).",
    ),
    Setting("vision_model", _word, "llava:7b", f"{_MODEL_NAME} llava:7b", "The model for captions."),
    Setting("text_model", _word, "phi3.5", f"{_MODEL_NAME} phi3.5", "The model for summaries, tags and answers."),
    Setting(
        "embed_model",
        _word,
        "embeddinggemma",
        f"{_MODEL_NAME} embeddinggemma",
        "The embedding model for search by meaning.",
    ),
    Setting(
        "embed_on_gpu",
        _switch,
        False,
        "true or false",
        "Run the embedding model on the GPU, where it may evict the vision model.",
    ),
    Setting(
        "search_pictures",
        _switch,
        True,
        "true or false",
        "Search frames by image, too, if they have vectors. New words then take a second or two.",
    ),
    Setting(
        "rerank_seconds",
        _rerank_seconds,
        10.0,
        "a number of seconds from 0 to 600",
        "Time for the text model to judge results in `search --deep` and `ask` (0 = never).",
    ),
    Setting(
        "ollama_host",
        _address,
        DEFAULT_OLLAMA_HOST,
        "an address such as 127.0.0.1:11434 or http://nas:11434",
        "The Ollama server. If not set, OLLAMA_HOST is used.",
    ),
    Setting(
        "more_hosts",
        _addresses,
        "",
        "addresses separated by spaces",
        "Further Ollama servers for `vidlocal enrich`.",
        default_note="none",
    ),
    Setting(
        "slots",
        _slots,
        0,
        "a whole number from 0 to 16",
        "Parallel requests per Ollama server (0 = auto). If not set, OLLAMA_NUM_PARALLEL is used.",
    ),
    Setting(
        "allow_remote_host",
        _switch,
        False,
        "true or false",
        "Allow Ollama servers on other machines. Frames and texts are then sent there.",
    ),
    Setting(
        "vram",
        _gigabytes,
        0.0,
        "a number of GB from 0 to 1024",
        "GPU memory in GB, to use only models that fit. 0 leaves it to the server.",
    ),
    Setting(
        "num_ctx",
        _tokens,
        4096,
        "a whole number from 2048 to 1048576",
        "Context of the vision model in tokens. A larger context needs more memory.",
    ),
    Setting(
        "keep_alive",
        _keep_alive,
        "30m",
        "a duration such as 30m, 1h or 90s",
        "Time for which the server keeps an idle model in memory.",
    ),
    Setting(
        "window",
        _window,
        "22:00-07:00",
        "two times of day such as 22:00-07:00",
        "Working hours of `vidlocal enrich overnight`.",
    ),
    Setting(
        "player",
        _path_or_name,
        None,
        "the name or path of a video player",
        "The player for `vidlocal search --open`. mpv, vlc and iina can start at the moment.",
        default_note="mpv, vlc or iina if installed, else the default application of the system",
    ),
    Setting(
        "thumbs",
        _thumbs,
        AUTO,
        "auto, kitty, sixel or blocks",
        "Graphics of `vidlocal search --thumbs`; auto asks the terminal.",
    ),
    Setting(
        "cluster",
        _cluster,
        "",
        "own, or the address of a Dask scheduler such as tls://192.168.1.20:8786",
        "The cluster that `enrich`, `ingest` and `worker` use; own is the one started or joined here.",
        default_note="none",
    ),
)

BY_NAME = {setting.name: setting for setting in TABLE}
