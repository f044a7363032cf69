"""Full-text and vector indexes, search filters and score calibration."""
