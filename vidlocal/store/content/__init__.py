"""What is stored about videos: frames, passages, vectors, tags, chapters."""
