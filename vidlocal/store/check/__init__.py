"""Verifies a library and repairs rebuildable parts."""
