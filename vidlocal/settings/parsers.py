"""Parsers of the values of settings.

A parser converts a raw value (a typed option, a TOML value or the text of a variable) or raises ValueError.
"""

import os
import re
from math import isfinite
from pathlib import Path

from vidlocal.settings import sidecar_formats
from vidlocal.settings.address import ollama_address

AUTO = "auto"


def parse_folder(raw: object) -> Path:
    """An absolute path with `~` expanded."""
    return Path(os.path.abspath(os.path.expanduser(_line(raw))))


def _line(raw: object) -> str:
    if not isinstance(raw, str | Path) or not str(raw).strip() or not str(raw).isprintable():
        raise ValueError
    return str(raw).strip()


def parse_word(raw: object) -> str:
    """A word without spaces and control characters, such as a model name."""
    text = _line(raw)
    if " " in text:
        raise ValueError
    return text


def parse_path_or_name(raw: object) -> str:
    return os.path.expanduser(_line(raw))


def parse_seconds(raw: object) -> float:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise ValueError
    value = float(raw)
    if not isfinite(value) or not 0 <= value <= 3600:
        raise ValueError
    return value


def parse_tokens(raw: object) -> int:
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        raise ValueError
    value = int(raw)
    if not 2048 <= value <= 1 << 20:
        raise ValueError
    return value


def parse_language(raw: object) -> str:
    """A language as code or English name; may be empty."""
    if not isinstance(raw, str) or not all(letter.isalpha() or letter in "-_" for letter in raw.strip()):
        raise ValueError
    return raw.strip().lower()


def parse_track(raw: object) -> int:
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        raise ValueError
    value = int(raw)
    if not 0 <= value <= 99:
        raise ValueError
    return value


def parse_switch(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    word = raw.strip().lower() if isinstance(raw, str) else ""
    if word not in words:
        raise ValueError
    return words[word]


def parse_address(raw: object) -> str:
    return ollama_address(_line(raw))


def parse_cluster(raw: object) -> str:
    """A cluster: own, or an address; may be empty."""
    return "" if isinstance(raw, str) and not raw.strip() else parse_word(raw)


def parse_addresses(raw: object) -> str:
    """Addresses separated by spaces or commas; may be empty."""
    if not isinstance(raw, str):
        raise ValueError
    return " ".join(ollama_address(address) for address in raw.replace(",", " ").split())


def parse_patterns(raw: object) -> str:
    """Patterns of file names, separated by commas; may be empty. Returns them separated by comma and space."""
    if not isinstance(raw, str) or not raw.replace("\n", " ").isprintable():
        raise ValueError
    return ", ".join(filter(None, (pattern.strip() for pattern in raw.replace("\n", ",").split(","))))


def parse_sidecar_formats(raw: object) -> str:
    """Formats of files beside the videos, separated by commas or spaces; may be empty."""
    if not isinstance(raw, str):
        raise ValueError
    return ", ".join(sidecar_formats.parse(raw))


def parse_folders(raw: object) -> str:
    """Folders separated by commas; may be empty. Returns absolute paths, separated by a comma and a space."""
    return ", ".join(str(parse_folder(folder)) for folder in parse_patterns(raw).split(", ") if folder)


def parse_media_kinds(raw: object) -> str:
    """Kinds of media, separated by commas or spaces; may be empty for all."""
    if not isinstance(raw, str):
        raise ValueError
    kinds = [kind.lower().removesuffix("s") for kind in raw.replace(",", " ").split()]
    if not {"video", "photo", "audio"}.issuperset(kinds):
        raise ValueError
    return ",".join(dict.fromkeys(kinds))


def parse_gigabytes(raw: object) -> float:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise ValueError
    value = float(raw)
    if not isfinite(value) or not 0 <= value <= 1024:
        raise ValueError
    return value


def parse_rerank_seconds(raw: object) -> float:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise ValueError
    value = float(raw)
    if not 0 <= value <= 600:
        raise ValueError
    return value


def parse_slots(raw: object) -> int:
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        raise ValueError
    value = int(raw)
    if not 0 <= value <= 16:
        raise ValueError
    return value


def parse_keep_alive(raw: object) -> str:
    """A Go duration. A plain number becomes seconds, because Ollama rejects numbers as text."""
    text = str(raw) if isinstance(raw, int) and not isinstance(raw, bool) else _line(raw)
    if re.fullmatch(r"-?\d{1,9}", text, re.ASCII):
        return f"{text}s"
    if not re.fullmatch(r"-?(\d{1,6}(\.\d{1,9})?(ms|s|m|h)){1,4}", text, re.ASCII):
        raise ValueError
    return text


def parse_window(raw: object) -> str:
    """`h:mm-h:mm`; an end before the start is on the next day."""
    text = _line(raw).replace(" ", "")
    match = re.fullmatch(r"(\d{1,2}:\d{2})-(\d{1,2}:\d{2})", text, re.ASCII)
    if match is None or _minutes(match[1]) == _minutes(match[2]):
        raise ValueError
    return text


def parse_thumbs(raw: object) -> str:
    text = _line(raw).lower()
    if text not in (AUTO, "kitty", "sixel", "blocks"):
        raise ValueError
    return text


def _minutes(time_of_day: str) -> int:
    hours, minutes = (int(part) for part in time_of_day.split(":"))
    if hours > 23 or minutes > 59:
        raise ValueError
    return hours * 60 + minutes
