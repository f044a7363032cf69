"""Find moments in your own video, on your own machine."""

__version__ = "0.1.0"
