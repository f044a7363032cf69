"""How a command ends: its exit code, and the one sentence that goes with it."""

import errno
import io
import os
import select
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn, TextIO

import typer

from vidlocal.errors import StoreError, UsageError, VidlocalError
from vidlocal.render.sanitize import one_line, sanitize

BUG, INTERRUPTED, TERMINATED = 1, 130, 143
SOME_FAILED, ALL_FAILED = 3, 4

# What reading a value ends with that no vidlocal would have stored, and many a bug.
_OF_VALUES = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)

# The last calls of a traceback: the first ones are always those of Typer.
_FRAMES_SHOWN = -6


@contextmanager
def settled() -> Iterator[None]:
    """Whatever the block raises, as a sentence on stderr and `typer.Exit` with the right code.

    A VidlocalError speaks for itself; a reader that has gone (`| head`) is no failure; anything
    unforeseen is a bug and keeps its traceback.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except (typer.Exit, typer.Abort):
        raise
    except VidlocalError as error:
        _end(error.exit_code, str(error))
    except typer.TyperException as error:
        error.message = sanitize(error.message)  # it may quote a file name
        raise
    except KeyboardInterrupt:
        _end(INTERRUPTED, "Interrupted. What was done is kept; the same command goes on from there.")
    except OSError as error:
        _end_on_os_error(error)
    except _OF_VALUES:
        _end_on_misfit()
        _end_on_bug()
    except Exception:
        _end_on_bug()


def ready_streams() -> None:
    """Make stdin, stdout and stderr fit for any text and any way of having been started.

    A closed one (`>&-`) becomes the null device, before a file of ours can take its number. What
    the encoding of stdout lacks, lone halves of surrogate pairs included, is written as an escape.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 open until we end
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def end_on_sigterm() -> None:
    """From now on SIGTERM unwinds the program in good order and ends it with 143; a second one ends it at once."""
    signal.signal(signal.SIGTERM, _unwind)


def _unwind(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise SystemExit(TERMINATED)


def _end(code: int, sentence: str) -> NoReturn:
    typer.echo(one_line(sentence), err=True)
    raise typer.Exit(code) from None


def _end_on_os_error(error: OSError) -> NoReturn:
    if error.errno == errno.EPIPE:
        gone = [stream for stream in (sys.stdout, sys.stderr) if _reader_is_gone(stream)]
        for stream in gone:
            _silence(stream)
        if gone:
            raise typer.Exit(0) from None
    if error.errno == errno.ENOSPC:
        _silence(sys.stdout)
        _end(StoreError.exit_code, "The disk is full. Free some space and run the same command again.")
    if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
        _end(UsageError.exit_code, f"{str(error.filename)[:80]} names no file that can be there: {error.strerror}.")
    _end_on_bug()


def _end_on_misfit() -> None:
    """End, if the library holds what no vidlocal would have stored: it is damaged, or someone changed it."""
    misfit = None
    with suppress(Exception):  # whatever is wrong here, the first failure is what counts
        from vidlocal import settings
        from vidlocal.store.check import invalid_values
        from vidlocal.store.database import Library

        home = settings.load().home
        with Library.open(home) as library:
            misfit = invalid_values.first_invalid(library.connection)
    if misfit is not None:
        sentence = f"The library in {home} is damaged, or someone changed it: {misfit} makes no sense."
        _end(StoreError.exit_code, f"{sentence} Restore a copy, or move it away and ingest again.")


def _end_on_bug() -> NoReturn:
    typer.echo(sanitize(traceback.format_exc(limit=_FRAMES_SHOWN).rstrip()), err=True)
    _end(BUG, "This is a bug in vidlocal. Please report the lines above; look through them for private words first.")


def _reader_is_gone(stream: TextIO) -> bool:
    """Whether nobody reads `stream`: a broken pipe elsewhere in the program is no reason to end quietly."""
    with suppress(OSError, ValueError):
        poll = select.poll()
        poll.register(stream.fileno(), 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
    return False


def _silence(stream: TextIO) -> None:
    """Send what is left in the buffer nowhere, so that the interpreter ends without complaint."""
    with suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
