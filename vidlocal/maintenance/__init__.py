"""Maintenance: a library verified and repaired."""
