"""Is what the library says true of itself? Findings, and how to mend those that follow from the rest."""
