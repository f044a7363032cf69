"""CLIP, in a child process."""
