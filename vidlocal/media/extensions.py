"""File name extensions of media, in lower case, and of unfinished files."""

from pathlib import Path

_VIDEO = (
    ".3g2 .3gp .asf .avi .divx .dv .f4v .flv .m2t .m2ts .m4v .mj2 .mkv .mov .mp4 .mpe .mpeg .mpg .mts .mxf .ogm .ogv"
    " .qt .ts .vob .webm .wmv"
)
_AUDIO = ".aac .aif .aiff .amr .caf .flac .m4a .m4b .mka .mp2 .mp3 .oga .ogg .opus .wav .wma"
_RAW = ".arw .cr2 .cr3 .dng .nef .nrw .orf .pef .raf .rw2 .srw"
_PHOTO = ".avif .bmp .gif .heic .heif .hif .jpe .jpeg .jpg .png .tif .tiff .webp"

VIDEO_EXTENSIONS = frozenset(_VIDEO.split())
AUDIO_EXTENSIONS = frozenset(_AUDIO.split())
PHOTO_EXTENSIONS = frozenset(_PHOTO.split()) | frozenset(_RAW.split())
MEDIA_EXTENSIONS = VIDEO_EXTENSIONS | AUDIO_EXTENSIONS | PHOTO_EXTENSIONS
# Files with text; those of players with pictures are not read.
SUBTITLE_EXTENSIONS = (".srt", ".vtt", ".ass", ".ssa", ".sbv")

# Unfinished downloads of yt-dlp and wget, Chrome, Safari, Firefox, Opera, qBittorrent, and backups of editors.
_PARTIAL_ENDINGS = (
    ".part",
    ".partial",
    ".crdownload",
    ".download",
    ".opdownload",
    ".ytdl",
    ".!qb",
    ".!ut",
    ".tmp",
    "~",
)


def is_partial_download(path: Path) -> bool:
    """True for the names of unfinished downloads and backups."""
    return path.name.lower().endswith(_PARTIAL_ENDINGS)


def has_media_extension(path: Path) -> bool:
    """True for the extensions of video, audio and photos."""
    return path.suffix.lower() in MEDIA_EXTENSIONS
