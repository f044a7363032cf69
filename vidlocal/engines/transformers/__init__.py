"""Vision models of transformers, in a child process."""
