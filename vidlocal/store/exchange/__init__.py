"""Rows out of and into a library, validated."""
