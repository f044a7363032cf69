"""Enrich: queued jobs worked off by the models. Workers per job kind, a runner for all."""
