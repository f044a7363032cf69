"""Report of rejected lines of an input file."""

from vidlocal.cli.ui import console

_MAX_REASONS = 20


class RejectedLines:
    """Prints the first reasons to reject a line, and counts all."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, reason: str) -> None:
        """Count a line, and print the reason."""
        self.count += 1
        if self.count <= _MAX_REASONS:
            console.notice(reason)

    def end(self) -> None:
        """Print the number of unprinted reasons."""
        if self.count > _MAX_REASONS:
            console.notice(f"{self.count - _MAX_REASONS:,} more skipped.")
