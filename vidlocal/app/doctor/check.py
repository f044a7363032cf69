"""Result of a check of `vidlocal doctor`."""

from dataclasses import dataclass
from enum import StrEnum

REINSTALL = "pip install --force-reinstall vidlocal"
SETUP = "vidlocal setup"


class CheckState(StrEnum):
    """Result of a check. The values are printed."""

    OK = "ok"
    WARNING = "warning"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Check:
    """Result of a check, with a fix. `exit_code` is nonzero if nothing works without this part."""

    part: str
    state: CheckState
    result: str
    fix: str = ""
    exit_code: int = 0
