"""Ingest: files into the library, sampled into frames and queued for the deep pass."""
