"""Models to install: from the settings, found on this machine, or from a profile."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from vidlocal.engines.profiles import Profile
from vidlocal.engines.speech import whisper_files
from vidlocal.errors import VidlocalError
from vidlocal.settings import ResolvedSetting, Settings, explain

# Whisper models of other programs that replace that of the profile, in order of preference.
_ACCEPTED_WHISPER = ("base", "small", "large-v3-turbo", "large-v3-turbo-q5_0", "medium", "large-v3", "large-v3-q5_0")


def chosen_models(profile: Profile, settings: Settings, *, is_explicit: bool, folders: tuple[Path, ...]) -> Profile:
    """Return the profile with the models of the settings, and an already present Whisper model.

    `is_explicit`: the user named the profile, which then replaces the models of settings.toml, but not those of
    environment variables: these are stronger. `folders`: model folders of other programs.
    """
    rows = {row.setting.name: row for row in explain()}

    def choose(name: str, default: str) -> str:
        return str(rows[name].value) if _is_chosen(rows[name], is_explicit=is_explicit) else default

    models = replace(
        profile,
        vision_model=choose("vision_model", profile.vision_model),
        embed_model=choose("embed_model", profile.embed_model),
        text_model=choose("text_model", profile.text_model),
    )
    whisper_model = choose("whisper_model", "")
    if whisper_model and (_is_installed(whisper_model, settings) or "/" not in whisper_model):
        accepted: tuple[str, ...] = (whisper_model,)
    else:
        accepted = (profile.whisper_model, *(() if is_explicit else _ACCEPTED_WHISPER))
    if _is_installed(accepted[0], settings):
        return replace(models, whisper_model=accepted[0])
    return replace(models, whisper_model=_find_whisper(accepted, folders, settings) or accepted[0])


def other_model_folders(home: Path, data_folder: Callable[[str], Path]) -> tuple[Path, ...]:
    """Return the model folders of whisper.cpp, pywhispercpp, MacWhisper and Hugging Face.

    `home`: the home folder of the user; `data_folder`: the folder for the data of a program.
    """
    return (
        home / ".cache" / "whisper.cpp",
        home / ".cache" / "pywhispercpp",
        home / "whisper.cpp" / "models",
        data_folder("pywhispercpp") / "models",
        data_folder("whisper.cpp"),
        data_folder("MacWhisper") / "models",
        *sorted((home / ".cache" / "huggingface" / "hub").glob("models--ggerganov--whisper.cpp/snapshots/*")),
    )


def _is_chosen(row: ResolvedSetting, *, is_explicit: bool) -> bool:
    return row.origin == row.setting.env or (row.origin != "default" and not is_explicit)


def _is_installed(whisper_model: str, settings: Settings) -> bool:
    with suppress(VidlocalError):
        whisper_files.whisper_model(whisper_model, settings.models_folder)
        return True
    return False


def _find_whisper(names: tuple[str, ...], folders: tuple[Path, ...], settings: Settings) -> str | None:
    """Return the path of the first verified model; None without."""
    candidates = (folder / whisper_files.whisper_file_name(name) for name in names for folder in folders)
    return next((str(path) for path in candidates if path.is_file() and _is_valid(path, settings)), None)


def _is_valid(path: Path, settings: Settings) -> bool:
    """True for a complete file with the right checksum, if one is published."""
    with suppress(VidlocalError):
        name = path.stem.removeprefix("ggml-")
        file = whisper_files.whisper_model(str(path), settings.models_folder)
        expected = whisper_files.WHISPER_SHA1.get(name)
        return expected is None or whisper_files.sha1(file.path, settings.models_folder) == expected
    return False
