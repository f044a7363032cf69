"""Verifies a library and repairs what can be rebuilt from the rest of it."""
