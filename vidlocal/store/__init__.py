"""What is known: one SQLite file. The only code that speaks SQL."""
