"""User interface on the terminal: consoles, options, progress, exit codes, completion and images."""
