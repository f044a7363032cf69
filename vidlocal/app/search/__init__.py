"""Search with the engines of the settings, and the commands around results."""
