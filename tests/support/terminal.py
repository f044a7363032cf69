"""A program that is started so is on a terminal of its own, as from a shell; its stdin has to be that terminal."""

import sys

_OWN = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"

# Before the words of a command for `Popen(..., start_new_session=True)`.
OWN_TERMINAL = (sys.executable, "-c", _OWN)
