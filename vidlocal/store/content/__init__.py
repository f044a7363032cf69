"""Videos and their frames, passages, vectors, tags and chapters."""
