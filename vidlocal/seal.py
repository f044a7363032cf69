"""Checksum within a text file, to recognise unedited files written by vidlocal. Pure."""

import re
from collections.abc import Callable
from enum import StrEnum
from hashlib import blake2s

_EMPTY_SEAL = "0" * 16
_SEAL = re.compile(r"\bvidlocal:([0-9a-f]{16})\b")


class Seal(StrEnum):
    """State of the seal of a file."""

    VALID = "valid"
    BROKEN = "broken"
    MISSING = "missing"


def read_seal(content: str) -> Seal:
    """Return the state of the seal: broken if the file was edited."""
    match = _SEAL.search(content)
    if match is None:
        return Seal.MISSING
    unsealed = content[: match.start(1)] + _EMPTY_SEAL + content[match.end(1) :]
    return Seal.VALID if match[1] == _checksum(unsealed) else Seal.BROKEN


def sealed(write: Callable[[str], str]) -> str:
    """Return the content of `write` for a seal, with the seal of this content.

    >>> read_seal(sealed(lambda seal: f"# {seal}")), read_seal(sealed(lambda seal: f"# {seal}") + "!")
    (<Seal.VALID: 'valid'>, <Seal.BROKEN: 'broken'>)
    """
    unsealed = write(f"vidlocal:{_EMPTY_SEAL}")
    return write(f"vidlocal:{_checksum(unsealed)}")


def _checksum(content: str) -> str:
    return blake2s(content.encode(), digest_size=8).hexdigest()
