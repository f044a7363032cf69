"""Full-text and vector indexes, and the filters and calibration that search needs."""
