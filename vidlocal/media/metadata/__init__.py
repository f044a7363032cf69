"""Metadata of videos from other programs and devices: XMP, NFO, catalogs, names, telemetry, places."""
