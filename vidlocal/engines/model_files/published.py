"""Downloadable model files of `vidlocal setup`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """A file to download, with its checksum and approximate size."""

    title: str
    licence: str
    url: str
    sha256: str
    size_bytes: int
