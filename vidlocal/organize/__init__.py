"""Organize: file names and folders proposed, moved with a journal, and moved back."""
