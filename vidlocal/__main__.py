"""`python -m vidlocal` is the same program as `vidlocal`."""

from vidlocal.cli import main

if __name__ == "__main__":
    main()
