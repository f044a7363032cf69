"""Prompts, schemas and parsers of the answers."""
