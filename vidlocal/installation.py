"""Commands that add packages to this installation."""

import shlex
import sys
from pathlib import Path


def extra_command(extra: str, prefix: str = sys.prefix) -> str:
    """Return the command that installs an extra of vidlocal, also for tools of uv and pipx without a pip of their own.

    `prefix`: the folder of the environment.
    """
    package = f'"vidlocal[{extra}]"'
    if (Path(prefix) / "uv-receipt.toml").exists():
        return f"uv pip install --python {shlex.quote(prefix)} {package}"
    if (Path(prefix) / "pipx_metadata.json").exists():
        return f"pipx runpip vidlocal install {package}"
    return f"pip install {package}"
