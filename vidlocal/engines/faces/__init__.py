"""Face recognition, in a child process: detection, tracking and grouping."""
