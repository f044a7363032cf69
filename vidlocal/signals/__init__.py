"""Cheap measurements of a frame, made in process: one file per signal, one registry."""
