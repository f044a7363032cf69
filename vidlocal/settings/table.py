"""The table of all settings."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vidlocal.settings import parsers
from vidlocal.settings.parsers import AUTO

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


_MODEL_NAME = "the name of an Ollama model, such as"

TABLE = (
    Setting(
        "home",
        parsers.parse_folder,
        None,
        "a folder",
        "The data folder: library, frames, models, log and settings.",
        default_note="the user data folder of this system",
    ),
    Setting(
        "models_folder",
        parsers.parse_folder,
        None,
        "a folder",
        "The folder of the models for speech and image search.",
        variable="VIDLOCAL_MODELS",
        default_note="`models` in the home folder",
    ),
    Setting(
        "clips_folder",
        parsers.parse_folder,
        None,
        "a folder",
        "The folder for clips cut in the page of `vidlocal serve`.",
        default_note="`clips` in the home folder",
    ),
    Setting(
        "page_folders",
        parsers.parse_folders,
        "",
        "folders separated by commas",
        "The folders that the page of `vidlocal serve` offers to index.",
        default_note="the home folder and its folders of videos, pictures and music",
    ),
    Setting(
        "ffmpeg",
        parsers.parse_path_or_name,
        None,
        "the path of an ffmpeg, version 5.1 or newer",
        "The ffmpeg executable.",
        default_note="the one installed with vidlocal",
    ),
    Setting(
        "sidecars",
        parsers.parse_sidecar_formats,
        "",
        "md, xmp, nfo, ffmetadata, vtt and srt, separated by commas",
        "Files that the worker keeps current beside the videos.",
        default_note="none",
    ),
    Setting(
        "every",
        parsers.parse_seconds,
        2.0,
        "a number of seconds from 0 to 3600",
        "Seconds between two sampled frames; 0 samples every frame.",
    ),
    Setting(
        "exclude",
        parsers.parse_patterns,
        "",
        "patterns separated by commas, such as *.gif, raw, Private/*",
        "Files and folders that ingest and watched folders skip.",
        default_note="none",
    ),
    Setting(
        "include",
        parsers.parse_patterns,
        "",
        "patterns separated by commas",
        "Files to index even if excluded or skipped by default.",
        default_note="none",
    ),
    Setting(
        "media",
        parsers.parse_media_kinds,
        "",
        "video, photo and audio, separated by commas",
        "Kinds of media to index.",
        default_note="all",
    ),
    Setting(
        "whisper_model",
        parsers.parse_path_or_name,
        "base",
        "the name of a whisper model, such as tiny, base, small or large-v3-turbo, or the path of a model file",
        "The model for transcription.",
    ),
    Setting(
        "speech_language",
        parsers.parse_language,
        "",
        "a language such as de, en or pt-BR",
        "The language that is spoken.",
        default_note="detected",
    ),
    Setting(
        "speech_words",
        parsers.parse_patterns,
        "",
        "names and terms separated by commas",
        "Names and terms that the transcription should know.",
        default_note="none",
    ),
    Setting(
        "translate_speech",
        parsers.parse_switch,
        False,
        "true or false",
        "Translate speech in other languages to English, too.",
    ),
    Setting(
        "audio_track",
        parsers.parse_track,
        0,
        "a whole number from 0 to 99",
        "Audio track to transcribe, counted from 1 (0 = the first one with speech).",
    ),
    Setting(
        "recognize_speakers",
        parsers.parse_switch,
        True,
        "true or false",
        "Tell voices apart and know them again, if the models are installed. false forbids it.",
    ),
    Setting(
        "recognize_people",
        parsers.parse_switch,
        True,
        "true or false",
        "Find faces, once you have agreed (`vidlocal people start`). false forbids it.",
    ),
    Setting("vision_model", parsers.parse_word, "llava:7b", f"{_MODEL_NAME} llava:7b", "The model for captions."),
    Setting(
        "text_model",
        parsers.parse_word,
        "phi3.5",
        f"{_MODEL_NAME} phi3.5",
        "The model for summaries, tags and answers.",
    ),
    Setting(
        "embed_model",
        parsers.parse_word,
        "embeddinggemma",
        f"{_MODEL_NAME} embeddinggemma",
        "The embedding model for search by meaning.",
    ),
    Setting(
        "embed_on_gpu",
        parsers.parse_switch,
        False,
        "true or false",
        "Run the embedding model on the GPU, where it may evict the vision model.",
    ),
    Setting(
        "search_pictures",
        parsers.parse_switch,
        True,
        "true or false",
        "Search frames by image, too, if they have vectors. New words then take a second or two.",
    ),
    Setting(
        "rerank_seconds",
        parsers.parse_rerank_seconds,
        10.0,
        "a number of seconds from 0 to 600",
        "Time for the text model to judge results in `search --deep` and `ask` (0 = never).",
    ),
    Setting(
        "ollama_host",
        parsers.parse_address,
        DEFAULT_OLLAMA_HOST,
        "an address such as 127.0.0.1:11434 or http://nas:11434",
        "The Ollama server. If not set, OLLAMA_HOST is used.",
    ),
    Setting(
        "more_hosts",
        parsers.parse_addresses,
        "",
        "addresses separated by spaces",
        "Further Ollama servers for `vidlocal enrich`.",
        default_note="none",
    ),
    Setting(
        "slots",
        parsers.parse_slots,
        0,
        "a whole number from 0 to 16",
        "Parallel requests per Ollama server (0 = auto). If not set, OLLAMA_NUM_PARALLEL is used.",
    ),
    Setting(
        "allow_remote_host",
        parsers.parse_switch,
        False,
        "true or false",
        "Allow Ollama servers on other machines. Frames and texts are then sent there.",
    ),
    Setting(
        "vram",
        parsers.parse_gigabytes,
        0.0,
        "a number of GB from 0 to 1024",
        "GPU memory in GB, to use only models that fit. 0 leaves it to the server.",
    ),
    Setting(
        "num_ctx",
        parsers.parse_tokens,
        4096,
        "a whole number from 2048 to 1048576",
        "Context of the vision model in tokens. A larger context needs more memory.",
    ),
    Setting(
        "keep_alive",
        parsers.parse_keep_alive,
        "30m",
        "a duration such as 30m, 1h or 90s",
        "Time for which the server keeps an idle model in memory.",
    ),
    Setting(
        "window",
        parsers.parse_window,
        "22:00-07:00",
        "two times of day such as 22:00-07:00",
        "Working hours of `vidlocal enrich overnight`.",
    ),
    Setting(
        "player",
        parsers.parse_path_or_name,
        None,
        "the name or path of a video player",
        "The player for `vidlocal search --open`. mpv, vlc and iina can start at the moment.",
        default_note="mpv, vlc or iina if installed, else the default application of the system",
    ),
    Setting(
        "thumbs",
        parsers.parse_thumbs,
        AUTO,
        "auto, kitty, sixel or blocks",
        "Graphics of `vidlocal search --thumbs`; auto asks the terminal.",
    ),
    Setting(
        "cluster",
        parsers.parse_cluster,
        "",
        "own, or the address of a Dask scheduler such as tls://192.168.1.20:8786",
        "The cluster that `enrich` and `worker` use, and `ingest --cluster`; own: started or joined here.",
        default_note="none",
    ),
    Setting(
        "plugins",
        parsers.parse_switch,
        True,
        "true or false",
        "Use the installed plugins; VIDLOCAL_PLUGINS=false runs a command without any.",
    ),
)

BY_NAME = {setting.name: setting for setting in TABLE}
