"""Engines on a model server of any kind: vision, text, embedding, images, judges; and tests of models."""
