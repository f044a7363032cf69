"""Render moments, videos and clips as tables, JSON and export formats. Pure."""
