"""Engines of other machines: the side of the library (scheduler, hosts) and the side of the workers."""
