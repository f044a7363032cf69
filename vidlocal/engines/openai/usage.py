"""Token counts in replies of servers with the OpenAI API."""

from collections.abc import Mapping
from math import isfinite

from vidlocal.engines.base import Usage


def usage_of(part: Mapping[str, object]) -> Usage | None:
    """Return the usage in the last part of an answer, else empty. Only llama.cpp reports times."""
    tokens = _positive(part, "timings", "predicted_n")
    if tokens:
        return Usage(int(tokens), _positive(part, "timings", "predicted_ms") / 1000)
    tokens = _positive(part, "usage", "completion_tokens")
    return Usage(int(tokens)) if tokens else None


def _positive(part: Mapping[str, object], group: str, name: str) -> float:
    """Return a positive number of a group; 0 for anything else."""
    values = part.get(group)
    number = values.get(name) if isinstance(values, Mapping) else None
    return number if isinstance(number, int | float) and isfinite(number) and number > 0 else 0
