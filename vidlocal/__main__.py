"""Where the program begins, as `vidlocal` and as `python -m vidlocal`."""

import sys

_INTERRUPTED = 130


def main() -> None:
    """Run the program. Ctrl-C while its modules still load ends it with 130 too, and without a traceback."""
    try:
        from vidlocal.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
