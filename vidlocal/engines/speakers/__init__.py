"""Speaker diarization, in a child process."""
