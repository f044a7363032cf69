"""Search: query, filters, words and vectors fused into moments; similar frames, clusters, answers."""
