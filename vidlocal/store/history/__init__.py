"""Past searches, run reports, second looks and measured facts."""
