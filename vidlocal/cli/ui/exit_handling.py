"""Exit codes and error messages of commands."""

import errno
import io
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn, TextIO

import typer
from typer._click.exceptions import ClickException, NoArgsIsHelpError

from vidlocal.cli.ui import console
from vidlocal.errors import StoreError, UsageError, VidlocalError
from vidlocal.render.sanitize import sanitize

BUG, INTERRUPTED, TERMINATED = 1, 130, 143
SOME_FAILED, ALL_FAILED = 3, 4
NOTHING_FOUND = 8  # only with --fail-if-empty

# Raised by invalid values in a damaged library, and by bugs.
_VALUE_ERRORS = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)

# Failures of disks, permissions and limits, and what to do.
_SYSTEM_ERRORS = {
    errno.EIO: "The disk may be failing, or was disconnected. Run the same command again when it is back.",
    errno.ENODEV: "The disk may be disconnected. Run the same command again when it is back.",
    errno.ENXIO: "The disk may be disconnected. Run the same command again when it is back.",
    errno.ESTALE: "The disk may be disconnected. Run the same command again when it is back.",
    errno.EROFS: "Use a writable disk.",
    errno.EACCES: "Check the permissions of the file and its folder.",
    errno.EPERM: "Check the permissions of the file and its folder.",
    errno.EMFILE: "Close other programs, or allow more open files (ulimit -n).",
    errno.ENFILE: "Close other programs and run the same command again.",
}

# The last calls of a traceback: the first ones are always in Typer.
_TRACEBACK_LIMIT = -6


@contextmanager
def handle_errors(is_resumable: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Convert exceptions of the block to a sentence on stderr and `typer.Exit` with the exit code.

    `is_resumable` returns True if an interrupted command keeps its progress. The message of a VidlocalError is printed
    as is. A closed pipe (`| head`) exits with 0. Unexpected exceptions are bugs and print a traceback.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except (typer.Exit, typer.Abort):
        raise
    except VidlocalError as error:
        _exit(error.exit_code, str(error))
    except NoArgsIsHelpError:
        raise
    except ClickException as error:
        _exit_on_wrong_usage(error)
    except KeyboardInterrupt:
        saved = " Progress is saved; run the same command to resume." if is_resumable() else ""
        _exit(INTERRUPTED, f"Interrupted.{saved}")
    except OSError as error:
        _exit_on_os_error(error)
    except _VALUE_ERRORS:
        _exit_if_library_damaged()
        _exit_on_bug()
    except Exception:
        _exit_on_bug()


def prepare_streams() -> None:
    """Make the standard streams safe for any text.

    A closed stream (`>&-`) becomes the null device, before another file gets the number. Characters not in the encoding
    of stdout, including lone surrogates, are written as escapes.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 open until exit
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def exit_on_sigterm() -> None:
    """Handle SIGTERM: the first signal unwinds the program and exits with 143, a second signal kills."""
    signal.signal(signal.SIGTERM, _unwind)


def _unwind(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise SystemExit(TERMINATED)


def _exit(code: int, message: str) -> NoReturn:
    console.notice(message)
    raise typer.Exit(code) from None


def _exit_on_wrong_usage(error: ClickException) -> NoReturn:
    """Print the usage and the message of Typer, wrapped between words."""
    error.message = sanitize(error.message)  # may quote a file name
    text = io.StringIO()
    error.show(text)
    console.lines_notice(text.getvalue())
    raise typer.Exit(error.exit_code) from None


def _exit_on_os_error(error: OSError) -> NoReturn:
    if error.errno == errno.EPIPE:
        closed = [stream for stream in (sys.stdout, sys.stderr) if _is_reader_gone(stream)]
        for stream in closed:
            _redirect_to_null(stream)
        if closed:
            raise typer.Exit(0) from None
    if error.errno == errno.ENOSPC:
        _redirect_to_null(sys.stdout)
        _exit(StoreError.exit_code, "The disk is full. Free some space and run the same command again.")
    if error.errno in _SYSTEM_ERRORS:
        _exit(StoreError.exit_code, f"{_name_of(error)}: {error.strerror}. {_SYSTEM_ERRORS[error.errno]}")
    if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
        _exit(UsageError.exit_code, f"{str(error.filename)[:80]}: {error.strerror}.")
    _exit_on_bug()


def _name_of(error: OSError) -> str:
    return str(error.filename)[:200] if error.filename else "A file"


def _exit_if_library_damaged() -> None:
    """Exit with a message if the library has invalid values: then the exception is no bug."""
    invalid = None
    with suppress(Exception):  # report the first exception, not one raised here
        from vidlocal import settings
        from vidlocal.store.check import invalid_values
        from vidlocal.store.database import Library

        home = settings.load().home
        with Library.open(home) as library:
            invalid = invalid_values.first_invalid(library.connection)
    if invalid is not None:
        _exit(
            StoreError.exit_code,
            f"{home}: the library is damaged: invalid {invalid}. Restore a backup, or delete it and ingest again.",
        )


def _exit_on_bug() -> NoReturn:
    typer.echo(sanitize(traceback.format_exc(limit=_TRACEBACK_LIMIT).rstrip()), err=True)
    _exit(BUG, "This is a bug in vidlocal. Please report the lines above; remove private words first.")


def _is_reader_gone(stream: TextIO) -> bool:
    """True if the reader of `stream` has closed the pipe: other broken pipes are bugs."""
    with suppress(OSError, ValueError):
        poll = select.poll()
        poll.register(stream.fileno(), 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
    return False


def _redirect_to_null(stream: TextIO) -> None:
    """Discard the rest of the buffer, to let the interpreter exit without an error."""
    with suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
