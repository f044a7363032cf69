"""Export of library rows as JSON lines, and their validated import."""
