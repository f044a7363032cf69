"""The one table of everything a person may set, and how each value is read.

A reader takes what was given, a typed option or TOML value or the text of a variable, and makes the
value of it or raises ValueError.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from vidlocal.settings.address import ollama_address

AUTO = "auto"
DEFAULT_OLLAMA_HOST = "http://127.0.0.1:11434"

Value = str | int | float | bool | Path | None


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table. `allowed` and `meaning` are for people; `otherwise` says what a default of None means."""

    name: str
    parse: Callable[[object], Value]
    default: Value
    allowed: str
    description: str
    variable: str = ""
    default_note: str = ""

    @property
    def env(self) -> str:
        """The environment variable that sets it."""
        return self.variable or f"VIDLOCAL_{self.name.upper()}"

    @property
    def in_file(self) -> bool:
        """Whether settings.toml may hold it. `home` says where that file is, so it cannot."""
        return self.name != "home"


def parse_folder(raw: object) -> Path:
    """An absolute path, `~` resolved."""
    return Path(os.path.abspath(os.path.expanduser(_line(raw))))


def _line(raw: object) -> str:
    if not isinstance(raw, str | Path) or not str(raw).strip() or not str(raw).isprintable():
        raise ValueError
    return str(raw).strip()


def _word(raw: object) -> str:
    """One word without spaces or control characters, as names of models are."""
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


def _addresses(raw: object) -> str:
    """Addresses with a space between them; none is a value too."""
    if not isinstance(raw, str):
        raise ValueError
    return " ".join(ollama_address(one) for one in raw.replace(",", " ").split())


def _gigabytes(raw: object) -> float:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise ValueError
    value = float(raw)
    if not isfinite(value) or not 0 <= value <= 1024:
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
    """A Go duration. Ollama refuses a bare number that comes as text, so seconds are made of it."""
    text = str(raw) if isinstance(raw, int) and not isinstance(raw, bool) else _line(raw)
    if re.fullmatch(r"-?\d+", text, re.ASCII):
        return f"{text}s"
    if not re.fullmatch(r"-?(\d+(\.\d+)?(ms|s|m|h))+", text, re.ASCII):
        raise ValueError
    return text


def _window(raw: object) -> str:
    """`h:mm-h:mm`; an end before the start lies on the next day."""
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


_A_MODEL = "the name of an Ollama model, such as"

TABLE = (
    Setting(
        "home",
        parse_folder,
        None,
        "a folder",
        "The folder that holds everything: library, frames, models, log and settings.",
        default_note="the user data folder of this system",
    ),
    Setting(
        "models_folder",
        parse_folder,
        None,
        "a folder",
        "The folder of the models of speech and pictures.",
        variable="VIDLOCAL_MODELS",
        default_note="`models` in the home folder",
    ),
    Setting(
        "ffmpeg",
        _path_or_name,
        None,
        "the path of an ffmpeg, version 5.1 or newer",
        "The ffmpeg to use.",
        default_note="the one installed with vidlocal",
    ),
    Setting(
        "every",
        _seconds,
        2.0,
        "a number of seconds from 0 to 3600",
        "Seconds of video between two frames; 0 takes every frame.",
    ),
    Setting(
        "whisper_model",
        _path_or_name,
        "base",
        "the name of a whisper model, such as tiny, base, small or large-v3-turbo, or the path of a model file",
        "The model that turns speech into text.",
    ),
    Setting("vision_model", _word, "llava:7b", f"{_A_MODEL} llava:7b", "The model that describes frames."),
    Setting("text_model", _word, "phi3.5", f"{_A_MODEL} phi3.5", "The model that works on text alone."),
    Setting(
        "embed_model",
        _word,
        "embeddinggemma",
        f"{_A_MODEL} embeddinggemma",
        "The model that lets search find by meaning.",
    ),
    Setting(
        "embed_on_gpu",
        _switch,
        False,
        "true or false",
        "Let the embedding model use the graphics card, where it may push the vision model out.",
    ),
    Setting(
        "search_pictures",
        _switch,
        True,
        "true or false",
        "Let search find what pictures show, too, where they have vectors: words that were not looked for before "
        "then take a second or two.",
    ),
    Setting(
        "ollama_host",
        _address,
        DEFAULT_OLLAMA_HOST,
        "an address such as 127.0.0.1:11434 or http://nas:11434",
        "The Ollama server. Where this is not set, OLLAMA_HOST is followed.",
    ),
    Setting(
        "more_hosts",
        _addresses,
        "",
        "addresses with a space between them",
        "Further Ollama servers that share the work of `vidlocal enrich`.",
        default_note="none",
    ),
    Setting(
        "slots",
        _slots,
        0,
        "a whole number from 0 to 16",
        "Requests that each Ollama server gets at a time; 0 finds out. "
        "Where this is not set, OLLAMA_NUM_PARALLEL is followed.",
    ),
    Setting(
        "allow_remote_host",
        _switch,
        False,
        "true or false",
        "Allow an Ollama server on another machine: frames and words then travel there.",
    ),
    Setting(
        "vram",
        _gigabytes,
        0.0,
        "a number of GB from 0 to 1024",
        "Memory of the graphics card in GB: only models that fit are used. 0 leaves it to the server.",
    ),
    Setting(
        "num_ctx",
        _tokens,
        4096,
        "a whole number from 2048 to 1048576",
        "The context of the vision model in tokens; more needs more memory.",
    ),
    Setting(
        "keep_alive",
        _keep_alive,
        "30m",
        "a duration such as 30m, 1h or 90s",
        "How long the server keeps a model in memory after its last answer.",
    ),
    Setting(
        "window",
        _window,
        "22:00-07:00",
        "two times of day such as 22:00-07:00",
        "When `vidlocal enrich overnight` works.",
    ),
    Setting(
        "player",
        _path_or_name,
        None,
        "the name or path of a video player",
        "The player of `vidlocal search --open`. mpv, vlc and iina can begin at the moment.",
        default_note="mpv, vlc or iina where one is there, else what the system opens videos with",
    ),
    Setting(
        "thumbs",
        _thumbs,
        AUTO,
        "auto, kitty, sixel or blocks",
        "How `vidlocal search --thumbs` draws; auto asks the terminal.",
    ),
)

BY_NAME = {setting.name: setting for setting in TABLE}
