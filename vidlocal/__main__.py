"""Entry point of `vidlocal` and `python -m vidlocal`."""

import sys

_INTERRUPTED = 130


def main() -> None:
    """Run the program. Ctrl-C during the imports also exits with 130, without a traceback."""
    try:
        from vidlocal.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
