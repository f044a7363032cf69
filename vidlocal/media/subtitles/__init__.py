"""Subtitles and transcripts: formats, cues, reading from sidecar files and tracks."""
