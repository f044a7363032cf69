"""Media files: probing, frames, audio, subtitles, cutting."""
