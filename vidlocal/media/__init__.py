"""The file: what it says of itself, its pictures, its sound, its subtitles."""
