"""Engines opened by the settings, for ingest, enrich and search."""
