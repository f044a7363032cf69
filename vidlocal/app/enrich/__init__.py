"""Runs of the deep pass: once by `vidlocal enrich`, night after night by `vidlocal worker`."""
