"""Model files of `vidlocal setup`: choice, download, settings."""
