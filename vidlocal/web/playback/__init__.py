"""Playback in a browser: the file unchanged, copied into pieces of fragmented MP4, or encoded."""
