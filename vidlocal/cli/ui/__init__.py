"""The terminal: consoles, options, progress, exit codes, completion and pictures. No command."""
