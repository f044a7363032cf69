"""Properties of media files, read in a child process: containers, streams, packet times, photos."""
