"""Imports on systems without the modules specific to Unix."""

import subprocess
import sys

_IMPORT_ALL = """
import pkgutil, sys
for name in ("fcntl", "resource", "termios", "tty", "pwd", "grp", "pty"):
    sys.modules[name] = None
import vidlocal
theirs = "vidlocal.mcp.server"  # the SDK needs fcntl, except on Windows
for module in pkgutil.walk_packages(vidlocal.__path__, "vidlocal."):
    if not module.name.endswith(("_child", "__main__")) and module.name != theirs:
        __import__(module.name)
"""


def test_every_module_can_be_imported_without_the_unix_modules() -> None:
    completed = subprocess.run(
        [sys.executable, "-c", _IMPORT_ALL], capture_output=True, text=True, timeout=60, check=False
    )
    assert (completed.returncode, completed.stderr) == (0, "")
