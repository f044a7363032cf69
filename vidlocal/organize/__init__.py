"""Propose file names and folders, rename with a journal, undo."""
