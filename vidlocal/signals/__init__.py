"""Signals computed from frames: features, shots, duplicates, novelty, representatives, text on screen."""
